import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { parseReadings } from '@motience/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { SteadyClock } from '../steady-clock.ts';
import { csvSource } from './csv-source.ts';
import { isSameFile, parsePosition } from './file-position.ts';
import { jsonLinesSource } from './json-lines-source.ts';
import { checkSource, openSource } from './open-source.ts';
import { paced } from './paced.ts';
import type { Source, SourceItem } from './source.ts';
import { splitLines } from './split-lines.ts';
import { systemSource } from './system-source.ts';

async function collect<T>(items: AsyncIterable<T>, limit = Number.POSITIVE_INFINITY): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
    if (all.length >= limit) break;
  }
  return all;
}

const bytes = (...chunks: (string | Buffer)[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
/** The `data` of each reading as text, or the line and mistake of what was skipped. */
const dataOf = (items: SourceItem[]) =>
  items.map((item) => {
    if (!('text' in item)) return [item.line, item.mistake];
    const [reading] = parseReadings(item.text);
    return reading && 'dataText' in reading ? reading.dataText : reading;
  });
const positionOf = (item: SourceItem | undefined) => {
  if (!item || !('text' in item) || !item.origin) throw new Error('expected a reading with its origin');
  return parsePosition(item.origin.position);
};
const jsonLines = async (...chunks: (string | Buffer)[]) =>
  dataOf(await collect(jsonLinesSource(bytes(...chunks), 'd')));
const csv = async (...chunks: (string | Buffer)[]) => dataOf(await collect(csvSource(bytes(...chunks), 'd')));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'motience-source-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('lines', () => {
  test('are found wherever the chunks are cut, and the last needs no end', async () => {
    const lines = await collect(splitLines(bytes('a', 'b\nc', '\n\nü'.slice(0, 3), 'x'), 10));
    expect(lines.map((line) => ('text' in line ? line.text : line))).toEqual(['ab', 'c', '', 'üx']);
  });

  test('longer than the bound are told with their length and not held; the next is fine', async () => {
    expect(await collect(splitLines(bytes('x'.repeat(6), 'y'.repeat(6), '\nok\n'), 10))).toEqual([
      { number: 1, mistake: 'a line may have at most 10 bytes, this one has 12' },
      { number: 2, text: 'ok' },
    ]);
  });

  test('that are no UTF-8 are told', async () => {
    const lines = await collect(splitLines(bytes(Buffer.from([0xff, 0x0a])), 10));
    expect(lines).toEqual([{ number: 1, mistake: 'expected UTF-8' }]);
  });
});

describe('JSON lines', () => {
  test('are a reading’s data, kept byte for byte', async () => {
    const data = '{ "huge": 1e400, "big":12345678901234567890, "t":"\\u00e9" }';
    expect(await jsonLines(`\ufeff${data}\r\n\n`, '{"a":1}')).toEqual([data, '{"a":1}']);
  });

  test('or a timestamp and data', async () => {
    const wrapped = '{ "timestamp":"2026-01-01T00:00:00.5+01:00","data":{"a": 1e400}}';
    const [item] = await collect(jsonLinesSource(bytes(wrapped), 'd'));
    expect(item && 'text' in item && parseReadings(item.text)).toEqual([
      { deviceId: 'd', timestamp: '2026-01-01T00:00:00.5+01:00', sequence: undefined, dataText: '{"a": 1e400}' },
    ]);
    expect(await jsonLines('{"data":{"a":1}}', '\n{"device_id":"d","data":{"b":2}}')).toEqual(['{"a":1}', '{"b":2}']);
  });

  test('with a field called data beside others are data as a whole', async () => {
    const lines = ['{"data":{"a":1},"b":2}', '{"data":5}', '{"timestamp":5,"temperature":1}'];
    expect(await jsonLines(lines.join('\n'))).toEqual(lines);
  });

  test('that are bad are told with their number and skipped', async () => {
    const lines = [
      '{"a":1}',
      'nonsense',
      '[1]',
      '{"timestamp":"yesterday","data":{}}',
      '{"device_id":"other","data":{}}',
      '{"a":"\\u0000"}',
      `{"a":"${'x'.repeat(70_000)}"}`,
      `{"a":"${'x'.repeat(17_000)}"}`,
      '{"b":2}',
    ];
    expect(await jsonLines(lines.join('\n'))).toEqual([
      '{"a":1}',
      [2, 'expected JSON'],
      [3, 'expected a JSON object'],
      [4, 'timestamp: expected an RFC 3339 date and time'],
      [5, 'device_id: expected d, the device this program streams for'],
      [6, '\\u0000 is not allowed anywhere in a reading'],
      [7, expect.stringContaining('65536 bytes')],
      [8, expect.stringMatching(/^a reading may have at most \d+ bytes$/)],
      '{"b":2}',
    ]);
  });
});

test('timestamps of the present do not go back when the clock is set back', async () => {
  const wall = [3, 2, 3, 4].map((hour) => Date.UTC(2026, 0, 1, hour));
  const clocks = { wall: () => wall.shift() ?? 0, monotonic: () => 0 };
  const timestamps = (items: SourceItem[]) => items.map((item) => 'text' in item && JSON.parse(item.text).timestamp);
  const three = '2026-01-01T03:00:00.000Z';
  const clock = new SteadyClock(() => {}, clocks);
  const lines = await collect(jsonLinesSource(bytes('{"a":1}\n{"data":{"a":2}}\n'), 'd', clock));
  const rows = await collect(csvSource(bytes('a\n3\n4\n'), 'd', clock));
  expect(timestamps([...lines, ...rows])).toEqual([three, three, three, '2026-01-01T04:00:00.000Z']);
});

describe('CSV', () => {
  test('cells that are JSON numbers stay as they are, empty ones are null, the rest is text', async () => {
    expect(
      await csv('\ufefft,big,huge,code,on,text\n', '21.50,12345678901234567890,1e400,007,,"a ""b"",\nc"\n'),
    ).toEqual(['{"t":21.50,"big":12345678901234567890,"huge":1e400,"code":"007","on":null,"text":"a \\"b\\",\\nc"}']);
  });

  test('a column named timestamp holds the timestamps', async () => {
    const rows = 'timestamp,a\n2026-01-01T00:00:00Z,1\nyesterday,2\n';
    const items = await collect(csvSource(bytes(rows), 'd'));
    expect(items[0] && 'text' in items[0] && parseReadings(items[0].text)).toMatchObject([
      { timestamp: '2026-01-01T00:00:00Z', dataText: '{"a":1}' },
    ]);
    expect(dataOf(items)[1]).toEqual([3, 'timestamp: expected an RFC 3339 date and time']);
  });

  test('a row with too many or too few cells is told with its line and skipped', async () => {
    expect(await csv('a,b\n1,2\n3\n4,5,6\n7,8\n')).toEqual([
      '{"a":1,"b":2}',
      [3, 'expected 2 cells, got 1'],
      [4, 'expected 2 cells, got 3'],
      '{"a":7,"b":8}',
    ]);
  });

  test('a quote that is never closed is told', async () => {
    expect(await csv('a,b\n1,2\n3,"4\n')).toEqual([
      '{"a":1,"b":2}',
      [expect.any(Number), expect.stringMatching(/quote/i)],
    ]);
  });

  test.each([
    ['a,,b\n1,2,3\n', 'the header row has a column without a name'],
    ['a,b,a\n1,2,3\n', 'the header row names "a" twice'],
  ])('a header that cannot name fields is told: %j', async (text, mistake) => {
    expect(await csv(text)).toEqual([[1, mistake]]);
  });

  test('a column may have any name', async () => {
    expect(await csv('__proto__,"a""b"\n1,2\n')).toEqual(['{"__proto__":1,"a\\"b":2}']);
  });
});

describe('this machine', () => {
  test('gives its real figures, flat, as numbers, with units in their names', async () => {
    const { signal } = new AbortController();
    const ages: number[] = [];
    const items: SourceItem[] = [];
    for await (const item of systemSource('d', new SteadyClock(), 1_000, signal)) {
      items.push(item);
      ages.push('text' in item ? Date.now() - Date.parse(JSON.parse(item.text).timestamp) : Number.NaN);
      if (items.length === 2) break;
    }
    for (const age of ages) expect(age).toBeLessThan(100);
    const [first, second] = items.map((item) => JSON.parse('text' in item ? item.text : '{}').data);
    for (const data of [first, second]) {
      expect(Object.values(data).every((value) => typeof value === 'number')).toBe(true);
      expect(data.memory_total_bytes).toBeGreaterThan(1_000_000);
      expect(data.memory_used_bytes).toBeLessThanOrEqual(data.memory_total_bytes);
      expect(data.cpu_load_percent).toBeGreaterThanOrEqual(0);
      expect(data.cpu_load_percent).toBeLessThanOrEqual(100);
      expect(data.disk_used_bytes).toBeLessThanOrEqual(data.disk_total_bytes);
    }
    expect(second.uptime_seconds).toBeGreaterThan(first.uptime_seconds);
  });
});

describe('pacing', () => {
  async function* numbers(count: number): Source & AsyncGenerator<SourceItem> {
    for (let at = 1; at <= count; at += 1) yield at === 2 ? { mistake: 'bad', line: 2 } : { text: String(at) };
  }

  test('leaves the interval between readings, the first at once, and does not hold mistakes back', async () => {
    const startedAt = performance.now();
    const at: number[] = [];
    for await (const _ of paced(numbers(4), 40, new AbortController().signal)) at.push(performance.now() - startedAt);
    expect(at[0]).toBeLessThan(35);
    expect(at[1]).toBeLessThan(35);
    expect(at[2]).toBeGreaterThanOrEqual(38);
    expect(at[3]).toBeGreaterThanOrEqual(78);
  });

  test('ends at once when it is aborted', async () => {
    const ending = new AbortController();
    const items = collect(paced(numbers(9), 3_600_000, ending.signal));
    ending.abort();
    expect((await items).length).toBeLessThanOrEqual(2);
  });
});

describe('opening a source', () => {
  const open = async (
    source: string,
    more: object = {},
    {
      stdin = Readable.from([]),
      signal = new AbortController().signal,
      after,
    }: Partial<Parameters<typeof openSource>[1]> = {},
  ) => {
    const read = readConfig(
      { authUrl: 'http://a', gatewayUrl: 'ws://a', username: 'pat', deviceId: 'd', source, interval: '0', ...more },
      {},
    );
    if (!('config' in read)) throw new Error(read.mistakes.join());
    await checkSource(read.config);
    return openSource(read.config, { stdin, signal, after });
  };

  test('a file ends, or is repeated, with its mistakes told once', async () => {
    const path = join(folder, 'a.jsonl');
    await writeFile(path, '{"a":1}\nbad\n');
    expect(dataOf(await collect(await open(path)))).toEqual(['{"a":1}', [2, 'expected JSON']]);
    expect(dataOf(await collect(await open(path, { loop: true }), 4))).toEqual([
      '{"a":1}',
      [2, 'expected JSON'],
      '{"a":1}',
      '{"a":1}',
    ]);
  });

  test('a CSV file is read by its name', async () => {
    const path = join(folder, 'a.csv');
    await writeFile(path, 'a\n1\n');
    expect(dataOf(await collect(await open(path, { loop: true }), 2))).toEqual(['{"a":1}', '{"a":1}']);
  });

  test('a file without a reading is not repeated for ever', async () => {
    const path = join(folder, 'a.jsonl');
    await writeFile(path, 'bad\n');
    await expect(open(path, { loop: true }).then((source) => collect(source))).rejects.toThrow('no reading to repeat');
  });

  test.each([
    ['a.jsonl', '{"a":1}\nbad\n{"a":2}\n{"a":3}\nbad\n{"a":4}\n', 5],
    ['a.csv', 'a\n1\n1,1\n2\n3\n1,1\n4\n', 6],
  ])('%s goes on after any position in it, and what is bad before it is not told again', async (name, text, line) => {
    const path = join(folder, name);
    await writeFile(path, text);
    const loop = { loop: true };
    for (const [at, rest] of [
      ['{"a":2}', ['{"a":3}', [line, expect.any(String)], '{"a":4}', '{"a":1}', '{"a":2}']],
      ['{"a":4}', ['{"a":1}', '{"a":2}']],
    ] as const) {
      const items = await collect(await open(path));
      const stopped = items[dataOf(items).indexOf(at)];
      const after = positionOf(stopped);
      const more = await collect(await open(path, loop, { after }), rest.length);
      expect(dataOf(more)).toEqual(rest);
      expect(positionOf(more.at(-1))).toMatchObject({ record: 2, round: 2 });
      expect(dataOf(await collect(await open(path, {}, { after })))).toEqual(rest.slice(0, rest.indexOf('{"a":1}')));
    }
  });

  test('a position knows its file again while it only grows, and no other', async () => {
    const path = join(folder, 'a.jsonl');
    const line = `{"a":"${'x'.repeat(1_000)}"}\n`;
    await writeFile(path, line.repeat(100));
    const { file } = positionOf((await collect(await open(path), 1))[0]);
    expect(await isSameFile(path, file)).toBe(true);
    await appendFile(path, line);
    expect(await isSameFile(path, file)).toBe(true);
    await writeFile(path, line.repeat(99));
    expect(await isSameFile(path, file)).toBe(false);
    await writeFile(path, line.repeat(101).replace('x', 'y'));
    expect(await isSameFile(path, file)).toBe(false);
  });

  test('a pipe under a file’s name has no positions, as it cannot be read a second time', async () => {
    const path = join(folder, 'a.jsonl');
    execFileSync('mkfifo', [path]);
    const [items] = await Promise.all([open(path).then((source) => collect(source)), writeFile(path, '{"a":1}\n')]);
    expect(dataOf(items)).toEqual(['{"a":1}']);
    expect(items[0]).not.toHaveProperty('origin');
  });

  test('a file that cannot be read is told before anything else', async () => {
    await expect(open(join(folder, 'none.csv'))).rejects.toThrow(/--source: .*none\.csv cannot be read/);
  });

  test('stdin that stays open is let go of when the program ends, and whole lines that were read still come', async () => {
    const ending = new AbortController();
    const stdin = new PassThrough();
    stdin.write('{"a":1}\n{"a":2}\n{"a"');
    const source = await open('stdin', {}, { stdin, signal: ending.signal });
    const all: SourceItem[] = [];
    for await (const item of source) {
      all.push(item);
      ending.abort();
    }
    expect(dataOf(all)).toEqual(['{"a":1}', '{"a":2}']);
  });
});
