import { describe, expect, it } from 'vitest';
import { deviceIdSchema, idSchema, usernameSchema } from './names.ts';

describe('an id', () => {
  it.each([
    ['7', '7'],
    [7, '7'],
    ['9223372036854775807', '9223372036854775807'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ])('is taken as a string or an integer and given as a string: %j', (input, output) => {
    expect(idSchema.parse(input)).toBe(output);
  });

  it.each([
    '',
    '0',
    '-1',
    '01',
    '1.5',
    ' 1',
    '1e3',
    'a',
    '9223372036854775808',
    0,
    -1,
    1.5,
    2 ** 53,
    Number.NaN,
    null,
    {},
    true,
  ])('is refused: %j', (input) => {
    expect(idSchema.safeParse(input).error?.issues).toMatchObject([
      { message: 'expected a decimal id, as a string or an integer' },
    ]);
  });
});

describe('names', () => {
  it.each([
    ['ann', true],
    ['a.b_c-d@e+f', true],
    ['a'.repeat(64), true],
    ['an', false],
    ['a'.repeat(65), false],
    ['a b', false],
    ['änn', false],
    ['ann\n', false],
  ])('of accounts have 3 to 64 characters of a known set: %j', (name, allowed) => {
    expect(usernameSchema.safeParse(name).success).toBe(allowed);
  });

  it.each([
    ['a', true],
    ['a.b_c:d-1', true],
    ['a'.repeat(128), true],
    ['', false],
    ['a'.repeat(129), false],
    ['a"b', false],
    ['a\\b', false],
    ['a\n', false],
  ])('of devices have 1 to 128 characters of a known set: %j', (name, allowed) => {
    expect(deviceIdSchema.safeParse(name).success).toBe(allowed);
  });
});
