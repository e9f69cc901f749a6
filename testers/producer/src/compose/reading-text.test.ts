import { describe, expect, it } from 'vitest';
import { checkText, exampleReading, prepareReadings, replaceDevice, replaceTimestamp, tidy } from './reading-text.ts';

const now = new Date('2025-01-29T11:35:00.250Z');
const good = '{"device_id":"rpi_001","timestamp":"2025-01-29T11:35:00Z","data":{"temperature":24.3}}';

function readingsOf(text: string) {
  const checked = checkText(text);
  if (!checked.ok) throw new Error(checked.problems.join());
  return checked.readings;
}

describe('checkText', () => {
  it('takes the example it starts with', () => {
    expect(checkText(exampleReading('rpi_001', now))).toMatchObject({ ok: true, readings: [{ deviceId: 'rpi_001' }] });
  });

  it('takes an array, and counts bytes rather than characters', () => {
    expect(checkText(`[${good},${good}]`)).toMatchObject({ ok: true, readings: [{}, {}] });
    expect(checkText(good.replace('temperature', 'température'))).toMatchObject({ bytes: good.length + 1 });
  });

  it.each([
    ['', 'expected a reading'],
    ['{', 'expected JSON; the mistake is at line 1, column 2'],
    ['{\n  "data": 4O\n}', 'line 2, column 12'],
    ['[]', 'an empty array sends nothing'],
    [good.replace('rpi_001', 'a b'), 'device_id: expected'],
    [good.replace('"data":{"temperature":24.3}', '"data":1'), 'data: expected an object'],
    [good.replace('{"device_id"', '{"seq":1,"device_id"'), '"seq" is not a field'],
  ])('refuses %s and says why', (text, problem) => {
    expect(checkText(text)).toEqual({ ok: false, problems: [expect.stringContaining(problem)] });
  });

  it('says which reading of an array is wrong, and does not list hundreds', () => {
    const bad = good.replace('2025-01-29', '2025-13-29');
    expect(checkText(`[${good},${bad}]`)).toMatchObject({ problems: [expect.stringMatching(/^reading 2: timestamp/)] });
    const many = checkText(`[${Array(20).fill(bad).join()}]`);
    expect(many).toMatchObject({ problems: { length: 6, 5: 'and 15 more' } });
  });
});

describe('prepareReadings', () => {
  const as = (variation: { stampNow: boolean; varyNumbers: boolean }, text = good, random = () => 0.5) =>
    prepareReadings(readingsOf(text), variation, now, random)[0];

  it('sends data byte for byte when nothing is to be varied', () => {
    const text = good.replace('24.3', '1e400, "big": 9007199254740993, "sp ace" : [ 1 ]');
    expect(as({ stampNow: false, varyNumbers: false }, text)).toBe(text);
  });

  it('keeps a sequence', () => {
    expect(as({ stampNow: false, varyNumbers: false }, good.replace(/}$/, ',"sequence":7}'))).toContain(
      ',"sequence":7}',
    );
  });

  it('stamps the time of sending', () => {
    expect(as({ stampNow: true, varyNumbers: false })).toContain('"timestamp":"2025-01-29T11:35:00.250Z"');
  });

  it('varies numbers by at most 5 %, in objects and arrays, and nothing else', () => {
    const text = good.replace('24.3', '100,"deep":[{"x":200}],"text":"100","yes":true,"none":null');
    for (const [random, factor] of [
      [0, 0.95],
      [1, 1.05],
    ] as const) {
      const { data } = JSON.parse(as({ stampNow: false, varyNumbers: true }, text, () => random) ?? '');
      expect(data.temperature).toBeCloseTo(100 * factor);
      expect(data.deep[0].x).toBeCloseTo(200 * factor);
      expect(data).toMatchObject({ text: '100', yes: true, none: null });
    }
  });
});

describe('changes to the text', () => {
  it('name another device in every reading', () => {
    expect(readingsOf(replaceDevice(`[${good},${good}]`, 'b')).map(({ deviceId }) => deviceId)).toEqual(['b', 'b']);
  });

  it('set the time', () => {
    expect(readingsOf(replaceTimestamp(good, now))[0]?.timestamp).toBe(now.toISOString());
  });

  it('leave what is no JSON as it is', () => {
    expect(tidy('{"a":')).toBe('{"a":');
    expect(replaceDevice('nonsense', 'b')).toBe('nonsense');
  });

  it('leave a text alone rather than change one of its numbers', () => {
    for (const number of ['9007199254740993', '1e400', '1.10']) {
      const text = good.replace('24.3', number);
      expect(tidy(text)).toBe(text);
    }
    expect(tidy(good)).toContain('\n  "data"');
  });
});
