import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rowsRead } from '../../../../tests/support/rows-read.ts';
import { findPaidTimes } from './find-paid-times.ts';

const pieces = 20_000;
const endMs = Date.parse('2026-11-20T00:00:00Z');

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { maxConnections: 1 });
  const { sql } = database;
  await sql`insert into users (username, password_hash, role) values ('c', '-', 'consumer'), ('p', '-', 'producer')`;
  // Two subscriptions, one after the other, each with pieces of its own.
  await sql`
    insert into subscriptions (consumer_id, producer_id, status, ended_at) values (1, 2, 'cancelled', now()), (1, 2, 'active', null)`;
  await sql`
    insert into delivered_time (subscription_id, from_at, until_at, in_trial)
    select 1 + n % 2, at, at + interval '20 seconds', false
    from (select n, to_timestamp(${endMs / 1_000}::float8 - n * 60) as at from generate_series(1, ${pieces}::int) n) pieces`;
  await sql`vacuum analyze`;
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

it('the newest pieces that were paid for are found, of all subscriptions together, without reading all there are', async () => {
  const before = await rowsRead(database, 'delivered_time');
  const times = await findPaidTimes(database.sql, '1', '2');
  expect(times).toHaveLength(1_000);
  expect([times[0]?.fromMs, times.at(-1)?.fromMs]).toEqual([endMs - 1_000 * 60_000, endMs - 60_000]);
  expect((await rowsRead(database, 'delivered_time')) - before).toBeLessThan(pieces / 5);
});
