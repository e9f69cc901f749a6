import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeFieldErrors, errorKinds, errorTable, explainClose, fieldErrors } from './errors.ts';

describe('the table of errors', () => {
  it('maps every kind as the contract does', () => {
    expect(errorTable).toEqual({
      'invalid-request': { http: 400, close: 4502 },
      unauthenticated: { http: 401, close: 4500 },
      'token-expired': { http: 401, close: 4003 },
      'payment-required': { http: 402, close: null },
      forbidden: { http: 403, close: 4501 },
      'not-found': { http: 404, close: null },
      'method-not-allowed': { http: 405, close: null },
      conflict: { http: 409, close: null },
      'too-large': { http: 413, close: 1009 },
      'unsupported-media': { http: 415, close: null },
      'rate-limited': { http: 429, close: 4000 },
      'slow-consumer': { http: null, close: 4001 },
      unavailable: { http: 503, close: 4002 },
      internal: { http: 500, close: 1011 },
    });
    expect(errorKinds.toSorted()).toEqual(Object.keys(errorTable).toSorted());
  });
});

describe('a close code', () => {
  it.each(Object.values(errorTable).flatMap(({ close }) => (close === null ? [] : [close])))(
    'that we close with has a meaning of its own: %i',
    (code) => {
      expect(explainClose(code).meaning).not.toMatch(/^the (connection ended|server (asks|refuses))/);
    },
  );

  it.each([
    [1000, true],
    [1001, true],
    [1006, true],
    [1009, false],
    [1011, true],
    [4000, true],
    [4001, true],
    [4002, true],
    [4003, true],
    [4499, true],
    [4500, false],
    [4501, false],
    [4502, false],
    [4999, false],
  ])('%i says whether reconnecting can help: %s', (code, reconnect) => {
    expect(explainClose(code).reconnect).toBe(reconnect);
  });
});

describe('field errors', () => {
  it('name each field by its path, unknown ones too, in one line', () => {
    const schema = z.strictObject({ data: z.object({ temperature: z.number('expected a number') }) });
    const parsed = schema.safeParse({ data: { temperature: 'warm' }, more: 1, other: 2 });
    const errors = parsed.error ? fieldErrors(parsed.error) : [];
    expect(errors).toEqual([
      { path: 'data.temperature', message: 'expected a number' },
      { path: 'more', message: 'is not a known field' },
      { path: 'other', message: 'is not a known field' },
    ]);
    expect(describeFieldErrors(errors)).toBe(
      'data.temperature: expected a number; more: is not a known field; other: is not a known field',
    );
    expect(describeFieldErrors([{ path: '', message: 'expected JSON' }])).toBe('expected JSON');
  });

  it('are few and short as a text, however many and long their fields are', () => {
    const errors = Array.from({ length: 20 }, (_, at) => ({ path: `f${at}`, message: 'is not a known field' }));
    expect(describeFieldErrors(errors)).toMatch(/^f0: .*; f7: is not a known field; and 12 more$/);
    const long = describeFieldErrors([{ path: 'x'.repeat(5_000), message: 'is not a known field' }]);
    expect(long).toHaveLength(1_000);
    expect(long).toMatch(/x…$/);
  });
});
