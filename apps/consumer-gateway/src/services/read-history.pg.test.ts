import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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

const receivedAtMs = 1_738_150_500_123;

/** Readings `from` … `to` of a stream, inserted in any order. */
const insert = (from: number, to: number, { producer = '1', epoch = 'one', body = '{"n":' } = {}) => database.sql`
  insert into readings (producer_id, epoch, seq, device_id, body, received_at)
  select ${producer}, ${epoch}, seq, 'device ' || seq % 3, ${body}::text || seq, to_timestamp(${receivedAtMs} / 1000.0)
  from generate_series(${from}::int, ${to}::int) seq order by seq % 7, seq`;

const read = (range: Partial<HistoryRange> = {}, maxBytes?: number) =>
  readHistory(database.sql, { producerId: '1', epoch: 'one', from: 1, to: 100, limit: 1_000, ...range }, maxBytes);

const readSeqs = async (range: Partial<HistoryRange>, maxBytes?: number) =>
  (await read(range, maxBytes)).map(({ seq }) => seq);

describe('reading history', () => {
  it('gives the readings of one epoch of one stream, as they were live', async () => {
    const body = '{"data":{"näme":"\\u0001 ☃ 𝄞",  "n":1.50}';
    await insert(7, 7, { body });
    await insert(7, 7, { epoch: 'two' });
    await insert(7, 7, { producer: '2' });
    expect(await read()).toEqual([
      { seq: 7, deviceId: 'device 1', body: `${body}7`, bytesBefore: undefined, receivedAtMs },
    ]);
    await database.sql`update readings set bytes_before = 4000000000`;
    expect((await read())[0]?.bytesBefore).toBe(4_000_000_000);
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

  it('ends before the text grows beyond its bound, but never before the first reading', async () => {
    const snow = '☃'.repeat(33);
    await insert(1, 5, { body: snow });
    expect(await readSeqs({}, 300)).toEqual([1, 2, 3]);
    expect(await readSeqs({ from: 4 }, 299)).toEqual([4, 5]);
    expect(await readSeqs({}, 299)).toEqual([1, 2]);
    expect(await readSeqs({ from: 2 }, 10)).toEqual([2]);
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
    // Each time 100, and one more to know the end.
    expect(after.rowsByIndex - before.rowsByIndex).toBeLessThanOrEqual(10 * 101);
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
