import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DictionaryField,
  dataSchema,
  dictionarySchema,
  formatPath,
  isFieldName,
  parsePath,
} from './data-dictionary.ts';

const fits = (fields: DictionaryField[], data: unknown) => dataSchema(fields).safeParse(data).success;

describe('a path', () => {
  it('is the way that it was made of, whatever names lie on it', () => {
    const step = fc
      .string({ unit: 'binary', minLength: 1 })
      .filter(isFieldName)
      .map((name) => ({ name }));
    const steps = fc
      .tuple(step, fc.array(fc.oneof(step, fc.constant('elements' as const))))
      .map(([first, rest]) => [first, ...rest]);
    fc.assert(
      fc.property(steps, (way) => {
        expect(parsePath(formatPath(way))).toEqual(way);
      }),
    );
  });

  it.each([
    ['a.b[][].c', [{ name: 'a' }, { name: 'b' }, 'elements', 'elements', { name: 'c' }]],
    ['a\\.b\\[\\]\\\\', [{ name: 'a.b[]\\' }]],
    ['CO₂ (ppm)', [{ name: 'CO₂ (ppm)' }]],
  ])('%s has its steps', (path, steps) => {
    expect(parsePath(path)).toEqual(steps);
  });

  it.each(['', '.', 'a.', '.a', 'a..b', '[]', '[].a', 'a[0]', 'a[', 'a]', 'a[]b', 'a\\', 'a.[]'])(
    '%s is none',
    (path) => {
      expect(parsePath(path)).toBeUndefined();
    },
  );
});

describe('data', () => {
  const room: DictionaryField[] = [
    { path: 'temperature', type: 'number' },
    { path: 'room.name', type: 'string', nullable: true },
    { path: 'room.windows', type: 'integer', optional: true },
    { path: 'samples[].value', type: 'boolean' },
  ];

  it.each([
    [{ temperature: 1.5, room: { name: 'a' } }],
    [{ temperature: -0, room: { name: null, windows: 3 }, samples: [], more: { of: ['it'] } }],
    [{ temperature: 1e300, room: { name: '', other: 1 }, samples: [{ value: true }, { value: false, x: 1 }] }],
  ])('fits where everything described is there as described: %j', (data) => {
    expect(fits(room, data)).toBe(true);
  });

  it.each([
    [{ temperature: '1', room: { name: 'a' } }],
    [{ temperature: null, room: { name: 'a' } }],
    [{ temperature: 1 }],
    [{ temperature: 1, room: {} }],
    [{ temperature: 1, room: { name: 'a', windows: 1.5 } }],
    [{ temperature: 1, room: [{ name: 'a' }] }],
    [{ temperature: 1, room: { name: 'a' }, samples: [{ value: true }, {}] }],
    [{ temperature: 1, room: { name: 'a' }, samples: { value: true } }],
    [[]],
    [null],
  ])('does not fit otherwise: %j', (data) => {
    expect(fits(room, data)).toBe(false);
  });

  it('fits an empty dictionary, and one of objects and arrays of anything', () => {
    expect(fits([], { a: 1 })).toBe(true);
    const fields = [
      { path: 'a', type: 'object' },
      { path: 'b', type: 'array' },
      { path: 'c', type: 'any' },
    ] satisfies DictionaryField[];
    expect(fits(fields, { a: { x: 1 }, b: [1, 'x'], c: null })).toBe(true);
    expect(fits(fields, { a: [], b: [], c: null })).toBe(false);
    expect(fits(fields, { a: {}, b: {}, c: null })).toBe(false);
  });

  it.each(['__proto__', 'constructor', 'a.toString', 'hasOwnProperty.b'])('cannot have %s described', (path) => {
    const { error } = dictionarySchema.safeParse([{ path, type: 'any' }]);
    expect(error?.issues.map((issue) => issue.path)).toEqual([[0, 'path']]);
  });
});
