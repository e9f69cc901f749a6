import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultLimits } from './limits.ts';
import {
  deliveredReadingSchema,
  isReading,
  narrowBody,
  parseReadings,
  readingBody,
  readingSchema,
  readingTail,
} from './reading.ts';

const timestamp = '2025-01-29T11:35:00Z';

/** A reading's text around the text of its `data`. */
const withData = (dataText: string) => `{"device_id":"a","timestamp":"${timestamp}","data":${dataText}}`;

/** Why a text is refused, one entry per reading; undefined for those that are not. */
const refusals = (text: string) =>
  parseReadings(text).map((reading) => ('refused' in reading ? `${reading.refused}: ${reading.detail}` : undefined));

/** The texts of `data` that come out. */
const dataTexts = (text: string) =>
  parseReadings(text).map((reading) => ('refused' in reading ? reading.detail : reading.dataText));

describe('a frame', () => {
  it.each(['', ' ', '{', 'no json', '{"a":1,}', '[{}', 'NaN', '\u0000', `${withData('{}')}x`])(
    'that is no JSON counts as one refused reading: %j',
    (text) => {
      expect(refusals(text)).toEqual(['invalid-request: expected JSON: a reading, or an array of readings']);
    },
  );

  it.each(['null', '1', '"text"', 'true', '[null]', '[[]]', '[1]'])('that holds no reading is refused: %s', (text) => {
    expect(refusals(text)).toEqual([
      'invalid-request: expected a reading: an object with device_id, timestamp and data',
    ]);
  });

  it('may be an array of up to 500; an empty one holds none', () => {
    const array = (count: number) => `[${Array.from({ length: count }, () => withData('{}')).join()}]`;
    expect(refusals('[]')).toEqual([]);
    expect(refusals(' [ \n ] ')).toEqual([]);
    expect(refusals(array(500))).toEqual(Array.from({ length: 500 }));
    expect(refusals(array(501))).toEqual(['invalid-request: expected at most 500 readings in a frame, got 501']);
  });

  it('gives each reading of an array in order, the refused ones in their place', () => {
    const text = ` [ ${withData('{"n":[1,{"]":2}]}')} ,null, ${withData('{"n":"],["}')}\n,{} ] `;
    expect(dataTexts(text)).toEqual([
      '{"n":[1,{"]":2}]}',
      expect.stringContaining('expected a reading'),
      '{"n":"],["}',
      expect.stringContaining('device_id'),
    ]);
  });
});

describe('a field of a reading', () => {
  it.each([
    ['device_id', '{"timestamp":"2025-01-29T11:35:00Z","data":{}}', 'device_id: expected a string'],
    ['device_id', withData('{}').replace('"a"', '1'), 'device_id: expected a string'],
    ['device_id', withData('{}').replace('"a"', '""'), 'device_id: expected 1 to 128'],
    ['device_id', withData('{}').replace('"a"', '"a b"'), 'device_id: expected 1 to 128'],
    ['device_id', withData('{}').replace('"a"', '"é"'), 'device_id: expected 1 to 128'],
    ['device_id', withData('{}').replace('"a"', `"${'a'.repeat(129)}"`), 'device_id: expected 1 to 128'],
    ['timestamp', '{"device_id":"a","data":{}}', 'timestamp: expected a string'],
    ['timestamp', withData('{}').replace(timestamp, 'yesterday'), 'timestamp: expected an RFC 3339 date and time'],
    ['data', '{"device_id":"a","timestamp":"2025-01-29T11:35:00Z"}', 'data: expected an object'],
    ['data', withData('[]'), 'data: expected an object'],
    ['data', withData('null'), 'data: expected an object'],
    ['data', withData('"{}"'), 'data: expected an object'],
    ['sequence', withData('{},"sequence":-1'), 'sequence: expected a whole number from 0 to 9007199254740991'],
    ['sequence', withData('{},"sequence":1.5'), 'sequence: expected a whole number from 0 to 9007199254740991'],
    ['sequence', withData('{},"sequence":"1"'), 'sequence: expected a whole number from 0 to 9007199254740991'],
    ['sequence', withData('{},"sequence":null'), 'sequence: expected a whole number from 0 to 9007199254740991'],
    [
      'sequence',
      withData('{},"sequence":9007199254740993'),
      'sequence: expected a whole number from 0 to 9007199254740991',
    ],
    ['more', withData('{},"more":1'), '"more" is not a field of a reading'],
    ['type', withData('{},"type":"ack"'), '"type" is not a field of a reading'],
    ['__proto__', withData('{},"__proto__":{"device_id":"b"}'), '"__proto__" is not a field of a reading'],
    ['escaped name', withData('{},"\\u005f_proto__":{}'), '"__proto__" is not a field of a reading'],
    ['constructor', withData('{},"constructor":1'), '"constructor" is not a field of a reading'],
    ['twice', withData('{},"data":{}'), 'data: appears twice'],
    ['twice, once escaped', withData('{},"d\\u0061ta":{}'), 'data: appears twice'],
    ['twice, device_id', withData('{},"device_\\u0069d":"b"'), 'device_id: appears twice'],
  ])('%s is refused where it is wrong: %s', (_, text, detail) => {
    expect(refusals(text)).toEqual([expect.stringContaining(`invalid-request: ${detail}`)]);
  });

  it('may be named by an escape, and stand in any order and any white space', () => {
    const text =
      '\r\n{\t"d\\u0061ta" : {"x" : 1}\n, "sequence":9007199254740991,"timestamp":"2025-01-29T11:35:00Z" ,"device_id":"a"} ';
    expect(parseReadings(text)).toEqual([
      { deviceId: 'a', timestamp, sequence: 9_007_199_254_740_991, dataText: '{"x" : 1}' },
    ]);
  });

  it('inside data may be called anything', () => {
    const data = '{"device_id":1,"__proto__":{"polluted":true},"":[],"a":1,"a":2}';
    expect(dataTexts(withData(data))).toEqual([data]);
    expect('polluted' in {}).toBe(false);
  });
});

describe('characters that are not passed on', () => {
  it.each([
    ['\\u0000', '{"s":"\\u0000"}'],
    ['\\u0000', '{"\\u0000":1}'],
    ['\\u0000', '{"s":"\\\\\\u0000"}'],
    ['\\ud800', '{"s":"\\ud800"}'],
    ['\\uDFFF', '{"s":"\\uDFFF"}'],
    ['\\udc00', '{"s":"\\udc00\\ud800"}'],
    ['\\ud83d', '{"s":"\\ud83d\\ud83d"}'],
    ['\\ud83d', '{"s":"\\ud83dx"}'],
  ])('are refused: %s in %s', (refused, data) => {
    expect(refusals(withData(data))).toEqual([`invalid-request: ${refused} is not allowed anywhere in a reading`]);
  });

  it.each(['{"s":"\\\\u0000"}', '{"s":"\\\\ud800"}', '{"s":"\\ud83d\\udef0"}', '{"s":"\\u0001\\n\\/"}', '{"s":"🛰"}'])(
    'are told from what only looks like them: %s',
    (data) => {
      expect(dataTexts(withData(data))).toEqual([data]);
    },
  );
});

describe('the limits of a reading', () => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;
  const nestedArrays = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;

  it.each([nested, nestedArrays])('let data nest 32 deep and no deeper', (nest) => {
    expect(dataTexts(withData(nest(32)))).toEqual([nest(32)]);
    expect(refusals(withData(nest(33)))).toEqual(['invalid-request: data: nested deeper than 32']);
  });

  it('hold for nesting that would overflow a stack', () => {
    for (const depth of [1_000, 3_000]) {
      expect(refusals(withData(nestedArrays(depth)))).toEqual(['invalid-request: data: nested deeper than 32']);
    }
    expect(refusals(withData(nestedArrays(10_000)))).toEqual([expect.stringMatching(/^(invalid-request|too-large): /)]);
    expect(refusals(withData(nestedArrays(100_000)))).toHaveLength(1);
  });

  it.each(['x', 'é', '€', '🛰'])('count bytes, not characters: 16 KiB of %s', (character) => {
    const bytes = (text: string) => new TextEncoder().encode(text).length;
    const rest = defaultLimits.readingBytes - bytes(withData('{"s":""}'));
    const fits = Math.floor(rest / bytes(character));
    const padding = 'y'.repeat(rest - fits * bytes(character));
    const largest = withData(`{"s":"${character.repeat(fits)}${padding}"}`);
    expect(bytes(largest)).toBe(defaultLimits.readingBytes);
    expect(refusals(largest)).toEqual([undefined]);
    expect(refusals(`  ${largest}\n`)).toEqual([undefined]);
    expect(refusals(`[${largest},${largest}]`)).toEqual([undefined, undefined]);
    const larger = largest.replace('"s":"', '"s":"y');
    expect(refusals(larger)).toEqual(['too-large: a reading may have at most 16384 bytes']);
  });

  it('can be set', () => {
    const limits = { readingBytes: 100, dataDepth: 1, readingsPerFrame: 1 };
    expect(parseReadings(withData('{"a":{}}'), limits)).toMatchObject([{ detail: 'data: nested deeper than 1' }]);
    expect(parseReadings(withData(`{"a":"${'x'.repeat(100)}"}`), limits)).toMatchObject([{ refused: 'too-large' }]);
    expect(parseReadings('[1,2]', limits)).toMatchObject([{ detail: expect.stringContaining('at most 1 readings') }]);
  });
});

describe('what consumers receive', () => {
  it.each([
    '{"n":12345678901234567890.10}',
    '{"n":1e400}',
    '{"n":-0.0}',
    '{"n":1E+2}',
    '{ "a" :\n1 }',
    '{"é":"\\u00e9"}',
  ])('has the data byte for byte: %s', (data) => {
    const [reading] = parseReadings(withData(data));
    if (!reading || 'refused' in reading) throw new Error('expected a reading');
    expect(readingBody('123', reading) + readingTail(1871)).toBe(
      `{"producer_id":"123","device_id":"a","timestamp":"${timestamp}","data":${data},"seq":1871}`,
    );
  });

  it('is what was sent, with its place, whatever data holds', () => {
    const space = fc.constantFrom('', ' ', '\n\t', '\r\n');
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':'),
        fc.string({ unit: 'grapheme', maxLength: 1 }),
      ),
    });
    const value = fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' });
    const object = fc.dictionary(text, fc.oneof(text, value), { maxKeys: 6 });
    const sent = fc.record({
      data: object,
      sequence: fc.option(fc.nat(), { nil: undefined }),
      indent: fc.constantFrom(undefined, 1, '\t'),
      space,
      inArray: fc.boolean(),
    });
    fc.assert(
      fc.property(sent, ({ data, sequence, indent, space: gap, inArray }) => {
        const dataText = JSON.stringify(data, undefined, indent);
        // A NUL is refused, and has tests of its own.
        fc.pre(!dataText.includes('\\u0000'));
        const tail = sequence === undefined ? '' : `,${gap}"sequence":${sequence}`;
        const one = `${gap}{${gap}"data"${gap}:${gap}${dataText}${gap},"device_id":"a","timestamp":"${timestamp}"${tail}}${gap}`;
        const readings = parseReadings(inArray ? `[${one},${one}]` : one);
        expect(readings).toHaveLength(inArray ? 2 : 1);
        for (const reading of readings) {
          if ('refused' in reading) throw new Error(reading.detail);
          const delivered = readingBody('7', reading) + readingTail(3);
          expect(delivered).toContain(`"data":${dataText}${sequence === undefined ? '' : ','}`);
          const parsed = deliveredReadingSchema.parse(JSON.parse(delivered));
          expect(parsed).toEqual({
            producer_id: '7',
            device_id: 'a',
            timestamp,
            data: JSON.parse(dataText),
            seq: 3,
            ...(sequence === undefined ? {} : { sequence }),
          });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a body narrowed to fields', () => {
  const body = (data: string, rest = '') =>
    `{"producer_id":"3","device_id":"a","timestamp":"${timestamp}","data":${data}${rest}`;
  const narrow = (data: string, fields: string[], rest?: string) => narrowBody(body(data, rest), new Set(fields));

  it.each([
    ['{"a":1,"b":2}', ['b'], '{"b":2}'],
    ['{"a" : 1.50 , "b":{"a":[1,{"b":"}"}]} }', ['b', 'a'], '{"a":1.50,"b":{"a":[1,{"b":"}"}]}}'],
    ['{"a\\"b":",\\"data\\":","c":null}', ['a"b'], '{"a\\"b":",\\"data\\":"}'],
    ['{"\\u0061":1,"c":2}', ['a'], '{"a":1}'],
  ])('%s keeps of %j the values as they are', (data, fields, kept) => {
    expect(narrow(data, fields)).toBe(body(kept));
    expect(narrow(data, fields, ',"sequence":7')).toBe(body(kept, ',"sequence":7'));
  });

  it('is left out if it has none of them, on whatever level below they may be', () => {
    expect(narrow('{}', ['a'])).toBeUndefined();
    expect(narrow('{"b":{"a":1}}', ['a'])).toBeUndefined();
  });

  it('has the values that JSON.parse finds', () => {
    const name = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue(), { minKeys: 1 }), fc.boolean(), (data, pretty) => {
        const [wanted] = Object.keys(data);
        fc.pre(wanted !== undefined && wanted !== '__proto__');
        const text = narrow(JSON.stringify(data, undefined, pretty ? 2 : undefined), [wanted]);
        expect(JSON.parse(`${text}}`).data).toEqual(JSON.parse(JSON.stringify({ [wanted]: data[wanted] })));
      }),
    );
  });
});

describe('the fast check of a reading', () => {
  it('takes exactly what the schema takes', () => {
    const valid = {
      device_id: fc.constantFrom('a', 'a.b:c-1', 'x'.repeat(128)),
      timestamp: fc.constantFrom(timestamp, '2025-01-29 11:35:60+01:00', '2024-02-29T00:00:00.5z'),
      data: fc.dictionary(fc.string(), fc.jsonValue()),
      sequence: fc.option(fc.nat(), { nil: undefined }),
    };
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        undefined,
        '',
        'a b',
        'x'.repeat(129),
        '2025-02-29T00:00:00Z',
        -1,
        1.5,
        2 ** 53,
        2 ** 53 - 1,
        Number.NaN,
      ),
    );
    const fields = Object.entries(valid).map(([name, good]) => [
      name,
      fc.oneof({ weight: 4, arbitrary: good }, anything),
    ]);
    const requiredKeys: never[] = [];
    fc.assert(
      fc.property(fc.record(Object.fromEntries(fields), { requiredKeys }), (value) => {
        expect(isReading(value)).toBe(readingSchema.safeParse(value).success);
      }),
      { numRuns: 2_000 },
    );
  });
});
