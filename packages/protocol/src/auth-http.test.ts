import { describe, expect, it } from 'vitest';
import { loginRequestSchema, nameChangeSchema, passwordSchema } from './auth-http.ts';
import { fieldErrors } from './errors.ts';

const errorsOf = (name: unknown) => {
  const { error } = nameChangeSchema.safeParse({ name });
  return error ? fieldErrors(error) : [];
};

describe('a name that others see', () => {
  it.each(['Ann', 'Żółć 7', '温度計', 'محطة', 'family 👨\u200d👩\u200d👧', 'a\u200fb'])('may be %j', (name) => {
    expect(errorsOf(name)).toEqual([]);
  });

  it.each([
    ['a\u202eb', 'overrides of its direction'],
    ['a\u2066b', 'overrides of its direction'],
    ['a\u2028b', 'line separators'],
    ['a\u2029b', 'line separators'],
    ['a\nb', 'control characters'],
    ['a\u0085b', 'control characters'],
    ['   ', 'visible'],
    ['\u200b\u200d\ufeff', 'visible'],
    ['\u3164\u2800', 'visible'],
    ['\u{e0041}\u00ad', 'visible'],
    ['a\ud800', 'well-formed'],
    ['', '1 to 200 characters'],
    ['x'.repeat(201), '1 to 200 characters'],
    [[], 'expected a string'],
    [7, 'expected a string'],
  ])('may not be %j, and is named once with why: %s', (name, why) => {
    expect(errorsOf(name)).toEqual([{ path: 'name', message: expect.stringContaining(why) }]);
  });
});

it('a password that is too short and not well-formed is named once', () => {
  const { error } = passwordSchema(7).safeParse('a\ud800');
  expect(error && fieldErrors(error)).toHaveLength(1);
  const other = passwordSchema(7).safeParse('long enough \ud800').error;
  expect(other && fieldErrors(other)).toMatchObject([{ message: expect.stringContaining('well-formed') }]);
});

it('what is too long says so', () => {
  const { error } = loginRequestSchema.safeParse({ username: 'x'.repeat(257), password: 'x'.repeat(1025) });
  expect(error && fieldErrors(error)).toEqual([
    { path: 'username', message: 'expected at most 256 characters' },
    { path: 'password', message: 'expected at most 1024 characters' },
  ]);
});
