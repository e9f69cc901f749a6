import { createTestRedis, type TestRedis } from '@motience/engines/testing';
import { createLogger } from '@motience/service-kit';
import { createKeys, openRedis, type RedisConnection, StreamReader, UsageLog } from '@motience/stream-log';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Books, openBooks } from '../testing/open-books.ts';
import { createCloser } from './closer.ts';

let books: Books;
let corner: TestRedis;
let redis: RedisConnection;
let close: ReturnType<typeof createCloser>;

beforeEach(async () => {
  [books, corner] = await Promise.all([openBooks(), createTestRedis()]);
  redis = openRedis(corner.url, { onError: () => {} });
  const keys = createKeys(corner.prefix);
  const logger = createLogger('closer', 'silent');
  close = createCloser({
    database: books,
    usageLog: new UsageLog(redis, keys),
    streams: new StreamReader(redis, keys, 1),
    logger,
  });
});
afterEach(async () => {
  redis.disconnect();
  await Promise.all([books.close(), corner.drop()]);
});

const closed = async () =>
  (await books.db.execute(sql`select subscription_id from subscription_closings order by 1`)).length;
const final = async () => {
  const rows = await books.db.execute(sql`select account_name from statement_finals order by 1`);
  return rows.map((row) => row.account_name);
};
const accruedUntil = (id: bigint, time: string | null) =>
  books.db.execute(sql`
    update subscription_meters set state = 'open', accrued_until = ${time}, paid_until = ${time} where subscription_id = ${id}`);

it('closes what is over, makes final whose subscriptions are all closed, and tries again what cannot be closed yet', async () => {
  await books.subscribe();
  const open = await books.subscribe(undefined, { consumer: await books.addUser('consumer', 'another') });
  await accruedUntil(open, '2026-09-01T12:00:00Z');
  await close();
  expect(await closed()).toBe(1);
  expect(await final()).toEqual(['consumer']);
  await accruedUntil(open, null);
  await close();
  expect(await closed()).toBe(2);
  expect(await final()).toEqual(['another', 'consumer', 'producer']);
});

it('does not look at all subscriptions again once all are closed', async () => {
  await books.subscribe();
  await close();
  expect(await closed()).toBe(1);
  await books.db.execute(sql`delete from subscription_closings`);
  await close();
  expect(await closed()).toBe(0);
});

it('looks at none once it is to stop', async () => {
  await books.subscribe();
  await close(() => true);
  expect(await closed()).toBe(0);
  await close();
  expect(await closed()).toBe(1);
});
