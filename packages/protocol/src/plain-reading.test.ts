import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePlainReading } from './plain-reading.ts';
import { parseReadings } from './reading.ts';

const plain = '{"device_id":"a","timestamp":"2025-01-29T11:35:00Z","data":{"t":24.3}}';

describe('a plain reading', () => {
  it.each([
    plain,
    plain.replaceAll(':"', ': "').replaceAll(',"', ', "'),
    plain.replace('}}', '},"sequence":0}'),
    plain.replace('}}', ',"é":"°C","x":[-1.5E+3,{"y":true,"z":null}],"o":{"a":{}}},"sequence":999999999999999}'),
    plain.replace('11:35:00Z', '11:35:00.123456+05:30'),
    plain.replace('01-29', '02-28'),
    plain.replace('01-29', '01-31'),
  ])('is known as one: %s', (text) => {
    expect(parsePlainReading(text)).toEqual(parseReadings(` ${text}`)[0]);
  });

  it.each([
    ['with white space around', ` ${plain}`],
    ['with an escape', plain.replace('"t"', '"\\u0074"')],
    ['with a control character', plain.replace('"t"', '"\n"')],
    ['with other fields', plain.replace('}}', '},"more":1}')],
    ['with a field twice', plain.replace('}}', '},"data":{}}')],
    ['with too much after it', `${plain}}`],
    ['with too little', plain.slice(0, -1)],
    ['with a number that is none', plain.replace('24.3', '024.3')],
    ['with a day that is none', plain.replace('01-29', '02-29')],
    ['with a leap second', plain.replace('11:35:00', '23:59:60')],
    ['with a sequence that may be too large', plain.replace('}}', '},"sequence":1000000000000000}')],
    ['of deeper data', plain.replace('24.3', '[[[1]]]')],
    ['in an array', `[${plain}]`],
  ])('is not known %s', (_, text) => {
    expect(parsePlainReading(text)).toBeUndefined();
  });

  it('comes out as any other reading does, also where it is almost plain', () => {
    const scalar = fc.oneof(fc.string(), fc.double({ noNaN: true }), fc.integer(), fc.boolean(), fc.constant(null));
    const data = fc.dictionary(
      fc.string(),
      fc.oneof(scalar, fc.jsonValue({ maxDepth: 2 }), fc.jsonValue({ maxDepth: 5 })),
      { maxKeys: 4 },
    );
    const day = fc.constantFrom('2024-02-29', '2025-02-29', '2025-06-31', '2025-01-28', '2025-13-01', '2025-00-01');
    const time = fc.constantFrom(
      'T11:35:00Z',
      'T11:35:00.5Z',
      'T23:59:60Z',
      't11:35:00z',
      'T24:00:00Z',
      'T11:35:00+05:30',
    );
    const sent = fc.record({
      data,
      timestamp: fc.tuple(day, time).map((parts) => parts.join('')),
      deviceId: fc.constantFrom('a', 'a.b:c-1', '', 'a b', 'x'.repeat(129)),
      sequence: fc.option(fc.constantFrom('0', '7', '07', '-0', '1e3', '999999999999999', '9007199254740993'), {
        nil: undefined,
      }),
      gap: fc.constantFrom('', ' ', '  '),
    });
    const edit = fc.record({
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.nat(2),
      insert: fc.constantFrom('', '"', '\\', '{', '}', '[', ']', ',', ':', ' ', '0', '.', 'e', '-', '\n', '€', 'null'),
    });
    fc.assert(
      fc.property(sent, fc.array(edit, { maxLength: 2 }), ({ deviceId, timestamp, gap, sequence, ...rest }, edits) => {
        const tail = sequence === undefined ? '' : `,${gap}"sequence":${gap}${sequence}`;
        const dataText = JSON.stringify(rest.data);
        let text = `{"device_id":${gap}"${deviceId}","timestamp":"${timestamp}",${gap}"data":${dataText}${tail}}`;
        for (const { place, remove, insert } of edits) {
          const at = Math.floor(place * text.length);
          text = text.slice(0, at) + insert + text.slice(at + remove);
        }
        // White space before it keeps it from being taken for a plain one.
        expect(parseReadings(text)).toEqual(parseReadings(` ${text}`));
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes no longer than its length allows, however it fails in the end', () => {
    const members = Array.from({ length: 400 }, (_, at) => `"k${at}":[{"a":[1,2.5e3,"x"]}]`).join();
    const text = plain.replace('"t":24.3', members);
    const startedAt = performance.now();
    for (let times = 0; times < 50; times += 1) expect(parsePlainReading(`${text} `)).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
