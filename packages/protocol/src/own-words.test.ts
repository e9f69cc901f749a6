import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fieldErrors } from './errors.ts';
import { useOwnWords } from './own-words.ts';

beforeAll(useOwnWords);
afterAll(() => {
  z.config({ customError: undefined });
});

describe('a schema without words of its own', () => {
  it.each([
    [z.object({}), null, 'expected an object'],
    [z.string(), 1, 'expected a string'],
    [z.int(), 1.5, 'expected a whole number'],
    [z.int(), 2 ** 53, 'expected at most 9007199254740991'],
    [z.number().max(7), 8, 'expected at most 7'],
    [z.string().max(256), 'x'.repeat(257), 'expected at most 256 characters'],
    [z.string().min(1), '', 'expected at least 1 characters'],
    [z.array(z.string()).max(1), ['a', 'b'], 'expected at most 1 entries'],
    [z.enum(['a', 'b']), 'c', 'expected "a" or "b"'],
    [z.string().regex(/^a$/), 'b', 'expected another form'],
    [z.union([z.string(), z.number()]), null, 'expected something else'],
  ])('says in ours what it expected: %#', (schema, value, message) => {
    const { error } = schema.safeParse(value);
    expect(error && fieldErrors(error)).toEqual([{ path: '', message }]);
  });

  it('leaves the words of others as they are', () => {
    const { error } = z.string({ error: 'expected a name' }).safeParse(1);
    expect(error && fieldErrors(error)).toEqual([{ path: '', message: 'expected a name' }]);
  });
});
