import { createTestRedis, type TestRedis } from '@motience/engines/testing';
import { balanceOf, checkBooks, type LedgerAccount } from '@motience/ledger';
import { micros, type PlanTerms } from '@motience/ledger/pricing';
import { availableEarningsSchema } from '@motience/protocol';
import { createKeys, openRedis, type RedisConnection, StreamReader, UsageLog } from '@motience/stream-log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { closeDays } from '../closing/close-days.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import { type Books, openBooks } from '../testing/open-books.ts';
import { refusalOf, type ServedBilling, serveBilling } from '../testing/serve-billing.ts';

const perHour: PlanTerms = { kind: 'per-time', per: 'hour', price: micros(36_000_000n), currency: 'EUR' };
const monthly: PlanTerms = {
  kind: 'monthly',
  price: micros(31_000_000n),
  quota_readings: 100,
  beyond_quota: 'stop',
  currency: 'EUR',
};

let books: Books;
let corner: TestRedis;
let redis: RedisConnection;
let billing: ServedBilling;
let producer: string;
let earnings: LedgerAccount;
let wallet: LedgerAccount;

beforeEach(async () => {
  [books, corner] = await Promise.all([openBooks(), createTestRedis()]);
  redis = openRedis(corner.url, { onError: () => {} });
  billing = await serveBilling(books.url);
  producer = await billing.signIn(books.producer, 'producer');
  earnings = { kind: 'earnings', ownerId: books.producer, currency: 'EUR' };
  wallet = { kind: 'wallet', ownerId: books.consumer, currency: 'EUR' };
  await books.topUp(100_000_000n);
});
afterEach(async () => {
  try {
    expect((await reconcile(books.db)).mismatch).toBeUndefined();
    expect((await checkBooks(books.db)).mismatch).toBeUndefined();
  } finally {
    await billing.stop();
    redis.disconnect();
    await Promise.all([books.close(), corner.drop()]);
  }
});

const ask = (amount: string, key: string) => billing.fetch(producer, 'POST /payouts', { currency: 'EUR', amount, key });
const available = async () => {
  const answer = await billing.fetch(producer, 'GET /payouts/available');
  return availableEarningsSchema.parse(await answer.json()).items;
};
const close = (through: string) => {
  const keys = createKeys(corner.prefix);
  const streams = new StreamReader(redis, keys, 1);
  return closeDays({ database: books, usageLog: new UsageLog(redis, keys), streams }, through, 0n);
};

it('a colluding pair gets nothing out of silence: what may be credited is not paid out before', async () => {
  const id = await books.subscribe(perHour, { createdAt: '2026-10-04T09:00:00Z', maxSilenceSeconds: 1 });
  await books.passTime(id, '2026-10-04T10:00:00Z', '2026-10-04T12:00:00Z');
  expect(await balanceOf(books.db, earnings)).toBe(64_800_000n);
  const notYet = [{ amount: '64.80', from: '2026-11-01T01:00:00Z' }];
  expect(await available()).toEqual([{ currency: 'EUR', earnings: '64.80', available: '0.00', not_yet: notYet }]);
  for (const amount of ['64.80', '1.00']) {
    expect(await refusalOf(await ask(amount, amount))).toEqual({
      status: 402,
      kind: 'payment-required',
      paths: ['amount'],
    });
  }
  // Nothing was ever sent: all of it is given back, and the platform's fee on it with it.
  await close('2026-10-04');
  expect(await balanceOf(books.db, earnings)).toBe(0n);
  expect(await balanceOf(books.db, wallet)).toBe(100_000_000n);
  expect(await available()).toEqual([{ currency: 'EUR', earnings: '0.00', available: '0.00', not_yet: [] }]);
});

it('what is left of a month can be paid out when it is closed, what nothing is promised for at once', async () => {
  const promised = await books.subscribe(monthly, {
    createdAt: '2026-10-01T00:00:00Z',
    maxSilenceSeconds: 16 * 86_400,
  });
  await books.hear('2026-09-30T23:59:59Z', '2026-10-15T11:59:59Z');
  await books.deliver({ subscriptionId: promised, day: '2026-10-20', readings: 3 });
  const other = await books.addUser('consumer', 'other');
  await books.topUp(10_000_000n, undefined, { kind: 'wallet', ownerId: other, currency: 'EUR' });
  const plain = await books.subscribe(
    { kind: 'per-reading', currency: 'EUR', price: micros(1_000_000n) },
    { consumer: other },
  );
  await books.deliver({ subscriptionId: plain, day: '2026-10-20', readings: 5 });
  expect(await available()).toMatchObject([{ earnings: '32.40', available: '4.50', not_yet: [{ amount: '27.90' }] }]);
  expect((await refusalOf(await ask('4.500001', 'a'))).status).toBe(402);
  const replies = await Promise.all(['b', 'c', 'd'].map((key) => ask('2.25', key)));
  expect(replies.map(({ status }) => status).sort()).toEqual([201, 201, 402]);

  await close('2026-10-30');
  expect(await available()).toMatchObject([{ available: '0.00', not_yet: [{ from: '2026-11-01T01:00:00Z' }] }]);
  await close('2026-10-31');
  // Half a day of silence was too much.
  expect(await available()).toEqual([{ currency: 'EUR', earnings: '27.40', available: '27.40', not_yet: [] }]);
});

it('what a subscription that is over has earned can be paid out when its last day is closed', async () => {
  const id = await books.subscribe(perHour, { createdAt: '2026-10-04T09:00:00Z', maxSilenceSeconds: 86_400 });
  await books.passTime(id, '2026-10-04T10:00:00Z', '2026-10-04T11:00:00Z');
  await books.hear('2026-10-04T09:59:59Z', '2026-10-04T10:30:00Z');
  await books.tamper(
    `update subscriptions set status = 'cancelled', ended_at = '2026-10-04T12:00:00Z' where id = ${id}`,
  );
  expect(await available()).toMatchObject([{ available: '0.00', not_yet: [{ amount: '32.40' }] }]);
  await close('2026-10-04');
  expect(await available()).toMatchObject([{ available: '32.40', not_yet: [] }]);
  expect((await ask('32.40', 'all')).status).toBe(201);
});
