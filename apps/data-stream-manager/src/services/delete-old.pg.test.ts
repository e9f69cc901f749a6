import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deleteOld } from './delete-old.ts';

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

/** Readings `from` … `to` that were received this many seconds ago. */
const insert = (from: number, to: number, secondsAgo: number) => database.sql`
  insert into readings (producer_id, epoch, seq, device_id, body, received_at)
  select 1, 'one', seq, 'a', '{', now() - make_interval(secs => ${secondsAgo}) from generate_series(${from}::int, ${to}::int) seq`;

async function seqs(): Promise<number[]> {
  const rows = await database.sql<{ seq: string }[]>`select seq from readings order by seq`;
  return rows.map(({ seq }) => Number(seq));
}

describe('deleting old readings', () => {
  it('deletes all that are older and none that is not', async () => {
    await insert(1, 25_000, 61);
    await insert(25_001, 25_003, 59);
    expect(await deleteOld(database.sql, 'readings', 60_000, () => false)).toBe(25_000);
    expect(await seqs()).toEqual([25_001, 25_002, 25_003]);
    expect(await deleteOld(database.sql, 'readings', 60_000, () => false)).toBe(0);
  });

  it('stops after a step when told to', async () => {
    await insert(1, 25_000, 61);
    expect(await deleteOld(database.sql, 'readings', 60_000, () => true)).toBe(10_000);
    expect(await seqs()).toHaveLength(15_000);
  });
});

describe('deleting old minutes and devices of streams', () => {
  it('deletes those that are older and no others', async () => {
    const { sql } = database;
    for (const [producerId, secondsAgo] of [
      [1, 59],
      [2, 61],
    ] as const) {
      const at = sql`now() - make_interval(secs => ${secondsAgo})`;
      await sql`insert into stream_minutes values (${producerId}, ${at}, 1, 1, ${at}, ${at}, 1, 0, 0, 0, 0)`;
      await sql`insert into stream_devices values (${producerId}, 'a', ${at}, ${at})`;
    }
    for (const table of ['stream_minutes', 'stream_devices'] as const) {
      expect(await deleteOld(sql, table, 60_000, () => false)).toBe(1);
      expect(await sql`select producer_id::int as id from ${sql(table)}`).toEqual([{ id: 1 }]);
    }
  });
});
