import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { lastSeq, type RetainedBatch } from '@motience/stream-log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readingsIn } from '../../../../tests/support/readings-in.ts';
import { type HistoryRange, readHistory } from './read-history.ts';

let testDatabase: TestDatabase;
let database: Database;
beforeEach(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { maxConnections: 1 });
});
afterEach(async () => {
  await database.close();
  await testDatabase.drop();
});

const numberedAtMs = 1_738_150_500_123;

/** Readings `from` … `to` of a stream, inserted in any order. */
const insert = (from: number, to: number, { producer = '1', epoch = 'one', body = '{"n":' } = {}) => database.sql`
  insert into readings (producer_id, epoch, seq, device_id, body, received_at)
  select ${producer}, ${epoch}, seq, 'device ' || seq % 3, ${body}::text || seq, to_timestamp(${numberedAtMs} / 1000.0)
  from generate_series(${from}::int, ${to}::int) seq order by seq % 7, seq`;

const read = (range: Partial<HistoryRange> = {}) =>
  readHistory(database.sql, {
    producerId: '1',
    epoch: 'one',
    from: 1,
    to: 100,
    limit: 1_000,
    maxBytes: 2 ** 20,
    ...range,
  });

/** All there is, in as many answers as it takes. */
async function readOn(from = 1): Promise<RetainedBatch[]> {
  const batches = await read({ from });
  const last = batches.at(-1);
  return last ? [...batches, ...(await readOn(lastSeq(last) + 1))] : [];
}

/** What a batch says of its readings, and the readings themselves. */
const unpacked = async (range: Partial<HistoryRange> = {}) =>
  (await read(range)).map(({ batch, ...numbers }) => {
    return { ...numbers, readings: readingsIn(batch).map(({ deviceId, body }) => [deviceId, body]) };
  });

const readSeqs = async (range: Partial<HistoryRange>) =>
  (await unpacked(range)).flatMap(({ firstSeq, count, readings }) => {
    expect(readings).toHaveLength(count);
    return readings.map((_, index) => firstSeq + index);
  });

describe('reading history', () => {
  it('gives the readings of one epoch of one stream, as they were live', async () => {
    const body = '{"data":{"näme":"\\u0001 ☃ 𝄞",  "n":1.50}';
    await insert(7, 7, { body });
    await insert(7, 7, { epoch: 'two' });
    await insert(7, 7, { producer: '2' });
    const numbers = { epoch: 'one', firstSeq: 7, count: 1, retainedAtMs: numberedAtMs };
    const readings = [['device 1', `${body}7`]];
    expect(await unpacked()).toEqual([{ ...numbers, bytesBefore: 0, bytesThrough: 0, readings }]);
    await database.sql`update readings set bytes_before = 4000000000`;
    const bytesThrough = 4_000_000_000 + Buffer.byteLength(`${body}7`);
    expect(await unpacked()).toEqual([{ ...numbers, bytesBefore: 4_000_000_000, bytesThrough, readings }]);
  });

  it('gives consecutive readings as a batch if they were numbered at one time and all have a total, or none', async () => {
    await insert(1, 12);
    await database.sql`delete from readings where seq in (3, 4)`;
    // The clock may have gone back.
    await database.sql`
      update readings set received_at = received_at + case when seq = 7 then interval '1 ms' else interval '1 h' end
      where seq >= 7 and seq <> 8`;
    await database.sql`update readings set bytes_before = seq * 100 where seq >= 11`;
    const hourLater = numberedAtMs + 3_600_000;
    expect((await readOn()).map(({ batch: _, epoch: __, ...numbers }) => Object.values(numbers))).toEqual([
      [1, 2, 0, 0, numberedAtMs],
      [5, 2, 0, 0, numberedAtMs],
      [7, 1, 0, 0, numberedAtMs + 1],
      [8, 1, 0, 0, numberedAtMs],
      [9, 2, 0, 0, hourLater],
      [11, 2, 1_100, 1_100 + 2 * '{"n":11'.length, hourLater],
    ]);
    expect((await unpacked({ from: 8 })).at(-1)?.readings).toEqual([
      ['device 2', '{"n":11'],
      ['device 0', '{"n":12'],
    ]);
  });

  it('gives what there is from the first to the last asked for, ascending', async () => {
    await insert(3, 5);
    await insert(8, 12);
    expect(await readSeqs({ from: 4, to: 10 })).toEqual([4, 5, 8, 9, 10]);
    expect(await readSeqs({ from: 6, to: 7 })).toEqual([]);
    expect(await readSeqs({ from: 10, to: Number.MAX_SAFE_INTEGER })).toEqual([10, 11, 12]);
    expect(await readSeqs({ epoch: 'unknown' })).toEqual([]);
  });

  it('keeps places apart that lie beyond 32 bits', async () => {
    await database.sql`
      insert into readings (producer_id, epoch, seq, device_id, body)
      values (1, 'one', ${Number.MAX_SAFE_INTEGER - 1}, 'a', '{'), (1, 'one', ${Number.MAX_SAFE_INTEGER}, 'a', '{')`;
    expect(await readSeqs({ from: Number.MAX_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER })).toEqual([
      Number.MAX_SAFE_INTEGER,
    ]);
  });

  it('ends after the limit, and can be read on from there', async () => {
    await insert(1, 5);
    expect(await readSeqs({ limit: 2 })).toEqual([1, 2]);
    expect(await readSeqs({ from: 3, limit: 2 })).toEqual([3, 4]);
    expect(await readSeqs({ from: 5, limit: 2 })).toEqual([5]);
  });

  it('ends with the reading that reaches the bound on the text, if not before', async () => {
    const snow = '☃'.repeat(33);
    await insert(1, 5, { body: snow });
    expect(await readSeqs({ maxBytes: 300 })).toEqual([1, 2, 3]);
    expect(await readSeqs({ maxBytes: 301 })).toEqual([1, 2, 3, 4]);
    expect(await readSeqs({ from: 4, maxBytes: 301 })).toEqual([4, 5]);
    expect(await readSeqs({ from: 2, maxBytes: 10 })).toEqual([2]);
    await insert(6, 6, { body: snow.repeat(100) });
    expect(await readSeqs({ from: 5, maxBytes: 301 })).toEqual([5]);
    expect(await readSeqs({ from: 6, maxBytes: 301 })).toEqual([6]);
  });

  it.each([
    ['before statistics were gathered', async () => {}],
    ['after', async () => void (await database.sql`analyze readings`)],
  ])('looks at no more than it gives, however long the stream is (%s)', async (_, prepare) => {
    await insert(1, 20_000);
    await insert(1, 20_000, { epoch: 'two' });
    await insert(1, 20_000, { producer: '2' });
    await prepare();
    const before = await scans();
    // Often enough for PostgreSQL to settle on one plan for all.
    for (let round = 0; round < 10; round += 1) {
      expect(await readSeqs({ from: 501, to: Number.MAX_SAFE_INTEGER, limit: 100 })).toHaveLength(100);
    }
    const after = await scans();
    expect(after.sequential).toBe(before.sequential);
    // Each time 100, one more to know the end, and ten to know how large they are.
    expect(after.rowsByIndex - before.rowsByIndex).toBeLessThanOrEqual(10 * 111);
    expect(after.rowsByIndex - before.rowsByIndex).toBeGreaterThanOrEqual(10 * 100);
  });
});

async function scans(): Promise<{ sequential: number; rowsByIndex: number }> {
  await database.sql`select pg_stat_force_next_flush()`;
  const [row] = await database.sql`
    select seq_scan::int as sequential, idx_tup_fetch::int as rows_by_index
    from pg_stat_user_tables where relname = 'readings'`;
  return { sequential: row?.sequential, rowsByIndex: row?.rows_by_index };
}
