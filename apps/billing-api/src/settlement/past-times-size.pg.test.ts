import { type Database, openDatabase } from '@motience/database';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rowsRead } from '../../../../tests/support/rows-read.ts';
import { type Books, openBooks } from '../testing/open-books.ts';
import { loadPastTimes } from './load-past-times.ts';

const pieces = 20_000;
const end = Date.parse('2026-11-20T00:00:00Z');

let books: Books;
let subscription: bigint;
let reader: Database;

beforeAll(async () => {
  books = await openBooks();
  subscription = await books.subscribe();
  await books.db.execute(sql`
    insert into delivered_time (subscription_id, from_at, until_at, in_trial)
    select ${subscription}, at, at + interval '20 seconds', false
    from (select to_timestamp(${end / 1_000}::float8 - n * 60) as at from generate_series(1, ${pieces}::int) n) pieces`);
  await books.sql`vacuum analyze delivered_time`;
  reader = openDatabase(books.url, { maxConnections: 1 });
});
afterAll(async () => {
  await reader.close();
  await books.close();
});

it('what was paid for since an instant is read without what was paid for before', async () => {
  const before = await rowsRead(reader, 'delivered_time');
  const past = await loadPastTimes(reader.db, new Map([[String(subscription), new Date(end - 600_000)]]));
  expect(past.get(String(subscription))?.paid.map(({ from }) => from)).toEqual(
    Array.from({ length: 10 }, (_, at) => (end - 600_000 + at * 60_000) / 1_000),
  );
  expect((await rowsRead(reader, 'delivered_time')) - before).toBeLessThan(pieces / 20);
});
