import { subscriptionMeters } from '@motience/database';
import { createTestRedis, type TestRedis } from '@motience/engines/testing';
import { balanceOf, type LedgerAccount } from '@motience/ledger';
import { micros, type PlanTerms } from '@motience/ledger/pricing';
import { createKeys, openRedis, type RedisConnection, StreamReader, UsageLog } from '@motience/stream-log';
import { eq, sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { reconcile } from '../reconcile/reconcile.ts';
import { addTopUp } from '../services/add-top-up.ts';
import { payTopUp } from '../services/pay-top-up.ts';
import { type Books, openBooks } from '../testing/open-books.ts';
import { type ClosingContext, closeDays } from './close-days.ts';

const perHour: PlanTerms = { kind: 'per-time', per: 'hour', price: micros(3_600_000n), currency: 'EUR' };

let books: Books;
let corner: TestRedis;
let redis: RedisConnection;
let context: ClosingContext;
let usageLog: UsageLog;
let wallet: LedgerAccount;
let earnings: LedgerAccount;

beforeEach(async () => {
  [books, corner] = await Promise.all([openBooks(), createTestRedis()]);
  redis = openRedis(corner.url, { onError: () => {} });
  const keys = createKeys(corner.prefix);
  usageLog = new UsageLog(redis, keys);
  context = { database: books, usageLog, streams: new StreamReader(redis, keys, 1) };
  wallet = { kind: 'wallet', ownerId: books.consumer, currency: 'EUR' };
  earnings = { kind: 'earnings', ownerId: books.producer, currency: 'EUR' };
  await books.topUp(100_000_000n);
});
afterEach(async () => {
  redis.disconnect();
  await Promise.all([books.close(), corner.drop()]);
});

/** An hour and a half in which the stream was silent from 10:30 to 11:30. */
async function silentHour(): Promise<bigint> {
  const id = await books.subscribe(perHour, { createdAt: '2026-10-04T09:00:00Z', maxSilenceSeconds: 600 });
  await books.passTime(id, '2026-10-04T10:00:00Z', '2026-10-04T12:00:00Z');
  const minutes = Array.from({ length: 31 }, (_, minute) => `2026-10-04T10:${String(minute).padStart(2, '0')}:00Z`);
  await books.hear(...minutes, '2026-10-04T11:30:00Z', '2026-10-04T11:40:00Z', '2026-10-04T11:50:00Z');
  return id;
}

const recorded = () =>
  books.db.execute(sql`select day::text, seconds::text, amount::text from silence_credits order by day`);
/** From 10:30:01 on it was silent; for ten minutes that was promised. */
const silentHourCredit = [{ day: '2026-10-04', seconds: '2999', amount: '2999000' }];

describe('silence', () => {
  it('is credited from the earnings for the seconds beyond the promise that were paid for', async () => {
    await silentHour();
    const before = [await balanceOf(books.db, wallet), await balanceOf(books.db, earnings)];
    expect(before).toEqual([92_800_000n, 6_480_000n]);
    expect(await closeDays(context, '2026-10-04', 0n)).toMatchObject({ closed: 1, credited: [books.consumer] });
    expect(await recorded()).toEqual(silentHourCredit);
    expect([await balanceOf(books.db, wallet), await balanceOf(books.db, earnings)]).toEqual([95_799_000n, 3_481_000n]);
    expect((await reconcile(books.db)).mismatch).toBeUndefined();
  });

  it('is credited once, whoever closes the day at the same time and again', async () => {
    await silentHour();
    await Promise.all(Array.from({ length: 4 }, () => closeDays(context, '2026-10-04', 0n)));
    await closeDays(context, '2026-10-04', 0n);
    await closeDays(context, '2026-10-05', 0n);
    expect(await recorded()).toEqual(silentHourCredit);
    expect(await balanceOf(books.db, wallet)).toBe(95_799_000n);
  });

  it('is credited the same when days are closed one by one as when they are closed together', async () => {
    const id = await silentHour();
    await books.passTime(id, '2026-10-05T00:00:00Z', '2026-10-05T01:00:00Z');
    for (const day of ['2026-10-04', '2026-10-05']) await closeDays(context, day, 0n);
    const oneByOne = await recorded();
    expect(oneByOne).toEqual([...silentHourCredit, { day: '2026-10-05', seconds: '3600', amount: '3600000' }]);
    await books.tamper('delete from silence_credits; delete from subscription_closings');
    await books.tamper("update ledger_transactions set key = 'old ' || key where kind = 'credit'");
    await closeDays(context, '2026-10-05', 0n);
    expect(await recorded()).toEqual(oneByOne);
  });

  it('that was credited otherwise than recorded is found when the books are reconciled', async () => {
    const id = await silentHour();
    await closeDays(context, '2026-10-04', 0n);
    await books.hear('2026-10-04T11:29:00Z');
    expect((await reconcile(books.db)).mismatch).toBe(
      `subscription ${id}, 2026-10-04: silent beyond the promise: 2939 s, 2.939; credited: 2999 s, 2.999`,
    );
    // Of what may have been deleted nothing is said.
    expect((await reconcile(books.db, { recordedSince: '2026-10-04' })).mismatch).toBeUndefined();
  });

  it('pays a debt first', async () => {
    await silentHour();
    const debt: LedgerAccount = { kind: 'refunds', ownerId: books.consumer, currency: 'EUR' };
    await books.topUp(-1_000_000n, undefined, debt);
    await closeDays(context, '2026-10-04', 0n);
    expect([await balanceOf(books.db, debt), await balanceOf(books.db, wallet)]).toEqual([0n, 94_799_000n]);
  });

  it('pays what is still owed after a top-up at the same moment', async () => {
    await silentHour();
    const debt: LedgerAccount = { kind: 'refunds', ownerId: books.consumer, currency: 'EUR' };
    await books.topUp(-1_000_000n, undefined, debt);
    const { closing } = await books.db.transaction(async (tx) => {
      const wanted = { provider: 'admin', key: 'one', requestedBy: books.consumer, accountId: books.consumer } as const;
      await payTopUp(tx, await addTopUp(tx, { ...wanted, currency: 'EUR', amount: micros(400_000n) }));
      const closing = closeDays(context, '2026-10-04', 0n);
      await vi.waitFor(
        async () => {
          const waiting = await books.sql`
            select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
          expect(waiting).toHaveLength(1);
        },
        { timeout: 10_000, interval: 10 },
      );
      return { closing };
    });
    await closing;
    expect([await balanceOf(books.db, debt), await balanceOf(books.db, wallet)]).toEqual([0n, 95_199_000n]);
  });

  it('of time that was free, or that nobody paid for, gives nothing back', async () => {
    const id = await silentHour();
    await books.tamper(`update delivered_time set in_trial = true where subscription_id = ${id}`);
    await closeDays(context, '2026-10-04', 0n);
    expect(await recorded()).toEqual([]);
  });

  it('gives back its part of a monthly price, on the day the price is charged at the earliest', async () => {
    const terms: PlanTerms = {
      kind: 'monthly',
      price: micros(31_000_000n),
      quota_readings: 100,
      beyond_quota: 'stop',
      currency: 'EUR',
    };
    const id = await books.subscribe(terms, { createdAt: '2026-10-04T00:00:00Z', maxSilenceSeconds: 86_400 });
    await books.hear('2026-10-03T23:59:59Z', '2026-10-06T00:00:00Z', '2026-10-06T12:00:00Z', '2026-10-07T11:00:00Z');
    await closeDays(context, '2026-10-05', 0n);
    expect(await recorded()).toEqual([{ day: '2026-10-05', seconds: '86400', amount: '0' }]);
    await books.deliver({ subscriptionId: id, day: '2026-10-06', readings: 3 });
    await closeDays(context, '2026-10-06', 0n);
    expect((await recorded()).at(-1)).toEqual({ day: '2026-10-06', seconds: '0', amount: '1000000' });
    expect((await reconcile(books.db)).mismatch).toBeUndefined();
  });
});

describe('what is not known yet waits:', () => {
  const nothing = { closed: 0, credited: [] };

  it('readings on their way into the record', async () => {
    await silentHour();
    const unpersisted = createKeys(corner.prefix).unpersisted(0);
    await redis.sadd(unpersisted, String(books.producer));
    expect(await closeDays(context, '2026-10-04', 0n)).toMatchObject(nothing);
    await books.hear('2026-10-05T00:00:01Z');
    expect(await closeDays(context, '2026-10-04', 0n)).toMatchObject({ closed: 1 });
  });

  it('time that is not settled', async () => {
    await silentHour();
    const accrue = (until: string) =>
      books.db
        .update(subscriptionMeters)
        .set({ state: 'open', accruedUntil: new Date(until), paidUntil: new Date(until) });
    await accrue('2026-10-04T23:59:59Z');
    expect(await closeDays(context, '2026-10-04', 0n)).toMatchObject(nothing);
    await accrue('2026-10-05T00:00:00Z');
    expect(await closeDays(context, '2026-10-04', 0n)).toMatchObject({ closed: 1 });
  });

  it('use in the usage log', async () => {
    await silentHour();
    const [seconds] = await redis.time();
    const tomorrow = new Date(Number(seconds) * 1_000 + 86_400_000).toISOString().slice(0, 10);
    await usageLog.want(['1']);
    expect(await closeDays(context, tomorrow, 0n)).toMatchObject(nothing);
  });

  it('silences where nothing is recorded, which are never credited', async () => {
    await silentHour();
    expect(await closeDays({ ...context, streams: undefined }, '2026-10-04', 0n)).toMatchObject({
      closed: 1,
      credited: [],
    });
    expect((await reconcile(books.db)).mismatch).toBeUndefined();
    await closeDays(context, '2026-10-05', 0n);
    expect((await reconcile(books.db)).mismatch).toBeUndefined();
  });
});

describe('a closed day', () => {
  it('is one that nothing is charged to any more', async () => {
    const id = await silentHour();
    await closeDays(context, '2026-10-04', 0n);
    const [meter] = await books.db.select().from(subscriptionMeters).where(eq(subscriptionMeters.subscriptionId, id));
    expect(meter?.settledAt).toEqual(new Date('2026-10-05T00:00:00Z'));
  });

  it('at the end of a month writes what the statements say of it, for good', async () => {
    const id = await books.subscribe();
    await books.deliver({ subscriptionId: id, day: '2026-09-29', readings: 7 });
    await books.deliver({ subscriptionId: id, day: '2026-10-30', readings: 5, free: 2 });
    await books.deliver({ subscriptionId: id, day: '2026-11-01', readings: 4 });
    const lines = () =>
      books.db.execute(
        sql`select month, readings::text, trial_readings::text as free, charged::text from statement_lines order by month`,
      );
    const september = { month: '2026-09', readings: '7', free: '0', charged: '7000' };
    await closeDays(context, '2026-10-30', 0n);
    expect(await lines()).toEqual([september]);
    await closeDays(context, '2026-10-31', 0n);
    const october = { month: '2026-10', readings: '5', free: '2', charged: '3000' };
    expect(await lines()).toEqual([september, october]);
    await closeDays(context, '2026-11-01', 0n);
    expect(await lines()).toEqual([september, october]);
    expect((await reconcile(books.db)).mismatch).toBeUndefined();
    await expect(books.db.execute(sql`update statement_lines set charged = 0`)).rejects.toThrow();
    await expect(books.db.execute(sql`delete from statement_lines`)).rejects.toThrow();
  });

  it('is none of a subscription that has ended and used nothing since', async () => {
    const id = await books.subscribe();
    await books.deliver({ subscriptionId: id, day: '2026-09-29', readings: 7 });
    await books.db.execute(
      sql`update subscriptions set status = 'cancelled', ended_at = '2026-09-29T20:00:00Z' where id = ${id}`,
    );
    expect(await closeDays(context, '2026-09-30', 0n)).toMatchObject({ closed: 1 });
    expect(await closeDays(context, '2026-10-01', 0n)).toMatchObject({ closed: 0, after: undefined });
  });
});
