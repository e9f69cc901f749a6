import { dataSchema, dictionarySchema } from '@motience/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inferDictionary } from './infer-dictionary.ts';

describe('a dictionary inferred from readings', () => {
  it('is one, and fits every one of them', () => {
    const data = fc.array(fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 4 })), { minLength: 1 });
    fc.assert(
      fc.property(data, (values) => {
        const fields = inferDictionary(values, []);
        expect(dictionarySchema.safeParse(fields).error).toBeUndefined();
        const schema = dataSchema(fields);
        for (const value of values) expect(schema.safeParse(value).error).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });

  it('says what is missing or null somewhere, and nothing of what is of several types', () => {
    const data = [
      { a: 1, b: 'x', c: true, d: { e: 1 } },
      { a: null, b: 2, d: {} },
      { a: 2.5, b: null, d: { e: 2 } },
    ];
    expect(inferDictionary(data, [])).toEqual([
      { path: 'a', type: 'number', nullable: true },
      { path: 'b', type: 'any', nullable: true },
      { path: 'c', type: 'boolean', optional: true },
      { path: 'd', type: 'object' },
      { path: 'd.e', type: 'number', optional: true },
    ]);
  });

  it('looks into arrays, and into arrays of objects', () => {
    const data = [{ a: [1, 2], b: [{ c: 1 }, { c: null, d: [[true]] }], e: [] }];
    expect(inferDictionary(data, []).map(({ path, type }) => `${path} ${type}`)).toEqual([
      'a array',
      'b array',
      'e array',
      'a[] number',
      'b[] object',
      'b[].c number',
      'b[].d array',
      'b[].d[] array',
      'b[].d[][] boolean',
    ]);
  });

  it('keeps unit and description of what is still there, and forgets what is not', () => {
    const known = [
      { path: 'a', type: 'string', unit: 'K', description: 'Warmth', optional: true },
      { path: 'gone', type: 'number', unit: 'm' },
    ] as const;
    expect(inferDictionary([{ a: 1 }], known)).toEqual([
      { path: 'a', type: 'number', unit: 'K', description: 'Warmth' },
    ]);
  });

  it('has no more fields than it may, the outer ones first, and none that cannot be named', () => {
    const inner = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`in${at}`, at]));
    const outer = Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`out${at}`, inner]));
    const fields = inferDictionary([JSON.parse(JSON.stringify(outer))], []);
    expect(fields).toHaveLength(200);
    expect(fields.filter(({ path }) => !path.includes('.'))).toHaveLength(150);
    const odd = JSON.parse(`{"__proto__":{"x":1},"a\\u0007":1,"":1,"${'n'.repeat(300)}":1,"ok":1}`);
    expect(inferDictionary([odd], []).map(({ path }) => path)).toEqual(['ok']);
  });
});
