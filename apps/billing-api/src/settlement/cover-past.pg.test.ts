import { spendingLimits } from '@motience/database';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { closeDays } from '../closing/close-days.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import { BillingCorner, type TestGateway, type Trade } from '../testing/billing-corner.ts';

let corner: BillingCorner;
let gateway: TestGateway;

beforeEach(async () => {
  corner = await BillingCorner.open();
  gateway = corner.gateway();
});

afterEach(async () => {
  try {
    expect((await reconcile(corner.database.db)).mismatch).toBeUndefined();
    expect(await corner.mismatch()).toBeUndefined();
  } finally {
    await corner.close();
  }
});

/** A hundredth a second. */
const byTime = { kind: 'per-time', price: '36', per: 'hour' };

/** Our clock, to the second, while Redis has the real one. */
class Clock {
  constructor(private ms: number) {}

  pass(seconds: number): void {
    this.ms += seconds * 1_000;
  }

  turn(): Promise<unknown> {
    return corner.turn({ sweepAfter: 0n, clocks: { ours: new Date(this.ms), redis: new Date(this.redisMs) } });
  }

  /** Redis's, kept beside ours for one turn after another. */
  readonly redisMs = Date.now();

  /** An instant by the clock of Redis. */
  ago(seconds: number): number {
    return this.redisMs - seconds * 1_000;
  }
}

const clockAt = (instant: string) => new Clock(Date.parse(instant));

/** How many seconds before now are paid for, as a gateway is told. */
async function covered(trade: Trade, clock: Clock): Promise<number> {
  const { coveredFromMs, isCoverPending } = await gateway.call(trade, { wants: 1 });
  expect(isCoverPending).toBe(false);
  return (clock.redisMs - (coveredFromMs ?? 0)) / 1_000;
}

/** Somebody resumes from so many seconds ago; how many of them are paid for then. */
async function resume(trade: Trade, clock: Clock, seconds: number): Promise<number> {
  await gateway.call(trade, { wants: 1, coverFromMs: clock.ago(seconds) });
  await clock.turn();
  return covered(trade, clock);
}

it('who resumes on a plan by time pays for the time that is resumed as if it had been received then, once', async () => {
  const trade = await corner.trade(byTime);
  await corner.fund(trade, 100_000_000n);
  const clock = clockAt('2026-11-10T12:00:00Z');
  await gateway.call(trade, { wants: 1 });
  await clock.turn();
  // Nobody has paid for anything before.
  expect(await covered(trade, clock)).toBe(0);
  expect(await resume(trade, clock, 600)).toBe(600);
  expect(await corner.recorded(trade)).toMatchObject({ seconds: 600n, charged: 6_000_000n });
  expect(await resume(trade, clock, 600)).toBe(600);
  expect(await resume(trade, clock, 700)).toBe(700);
  expect(await corner.recorded(trade)).toMatchObject({ seconds: 700n, charged: 7_000_000n });
});

it('only what was not received is charged: the hole between two connections', async () => {
  const trade = await corner.trade(byTime);
  await corner.fund(trade, 100_000_000n);
  const clock = clockAt('2026-11-10T12:00:00Z');
  await gateway.call(trade, { wants: 1 });
  await clock.turn();
  clock.pass(10);
  await gateway.call(trade, { wants: 1 });
  await clock.turn();
  expect(await corner.recorded(trade)).toMatchObject({ seconds: 10n });
  // The connection is gone for minutes; it was paid for as far as it had been named.
  await gateway.call(trade, { isReceived: false });
  await corner.loseCredits();
  clock.pass(300);
  await clock.turn();
  const { seconds: before = 0n } = await corner.recorded(trade);
  expect(before).toBeLessThan(50n);
  expect(await resume(trade, clock, 310)).toBe(310);
  expect(await corner.recorded(trade)).toMatchObject({ seconds: 310n, charged: 3_100_000n });
});

it('what there is no money for is not given: the oldest', async () => {
  const trade = await corner.trade(byTime);
  await corner.fund(trade, 1_000_000n);
  const clock = clockAt('2026-11-10T12:00:00Z');
  await gateway.call(trade, { wants: 1 });
  await clock.turn();
  expect(await corner.balances(trade)).toMatchObject({ hold: 300_000n });
  expect(await resume(trade, clock, 3_600)).toBe(70);
  expect(await corner.balances(trade)).toMatchObject({ wallet: 0n, hold: 300_000n, earnings: 630_000n });
  await corner.fund(trade, 100_000_000n);
  expect(await resume(trade, clock, 100)).toBe(100);
});

it('nothing is charged to a day that is closed, or that is about to be', async () => {
  const trade = await corner.trade(byTime);
  await corner.fund(trade, 10_000_000_000n);
  const early = clockAt('2026-11-11T00:20:00Z');
  expect(await resume(trade, early, 86_400)).toBe(86_400);
  const late = clockAt('2026-11-12T01:00:00Z');
  expect(await resume(trade, late, 86_400)).toBe(3_600);
  const rows = await corner.database.sql`
    select day::text as day, seconds::int as seconds from subscription_days where seconds > 0 order by day`;
  expect([...rows].slice(0, 2)).toMatchObject([{ day: '2026-11-10' }, { day: '2026-11-11' }]);
});

it('a day that was closed early stays as it is', async () => {
  const trade = await corner.trade(byTime);
  await corner.fund(trade, 10_000_000_000n);
  const clock = clockAt('2026-11-11T00:20:00Z');
  await gateway.call(trade, { wants: 1 });
  await clock.turn();
  const closing = { database: corner.database, usageLog: corner.usageLog, streams: undefined };
  await closeDays(closing, '2026-11-10', 0n);
  expect(await resume(trade, clock, 86_400)).toBe(1_200);
});

it('with a spending limit no more is charged than it allows, of the day that it is', async () => {
  const trade = await corner.trade(byTime);
  await corner.fund(trade, 100_000_000n);
  const limit = { consumerId: trade.consumerId, currency: 'EUR', period: 'day' as const, amount: 2_000_000n };
  await corner.database.db.insert(spendingLimits).values(limit);
  const clock = clockAt('2026-11-11T00:01:00Z');
  expect(await resume(trade, clock, 600)).toBe(60);
  const noon = clockAt('2026-11-11T12:00:00Z');
  await gateway.call(trade, { wants: 1 });
  await noon.turn();
  const seconds = await resume(trade, noon, 3_600);
  expect(seconds).toBeGreaterThan(10);
  expect((await corner.recorded(trade)).charged).toBeLessThanOrEqual(2_000_000n);
});

it('in a trial of minutes all may be had since it began, and nothing from before', async () => {
  const trade = await corner.trade({ ...byTime, trial: { minutes: 10 } });
  const reader = await corner.trade({ price: '1', trial: { minutes: 10 } });
  const clock = clockAt('2026-11-10T12:00:00Z');
  for (const each of [trade, reader]) await gateway.call(each, { wants: 1 });
  await clock.turn();
  clock.pass(100);
  for (const each of [trade, reader]) {
    expect(await resume(each, clock, 86_400)).toBe(110);
    expect(await corner.recorded(each)).toMatchObject({ charged: 0n });
  }
  // After it the time is paid for, except that of the trial and the ten seconds before.
  await corner.fund(trade, 100_000_000n);
  clock.pass(600);
  expect(await resume(trade, clock, 725)).toBe(725);
  expect(await corner.recorded(trade)).toMatchObject({ charged: 1_150_000n });
});

it('nothing is charged to who resumes with the turn in which its trial of minutes begins', async () => {
  const trade = await corner.trade({ ...byTime, trial: { minutes: 10 } });
  await corner.fund(trade, 100_000_000n);
  const clock = clockAt('2026-11-10T12:00:00Z');
  expect(await resume(trade, clock, 3_600)).toBe(10);
  expect(await corner.recorded(trade)).toMatchObject({ charged: 0n });
});

it('what was sent in the ten seconds before a subscription may be had on it, unless the one before was as new', async () => {
  const first = await corner.trade(byTime, { begunAt: '2026-11-10T10:59:00Z' });
  await corner.fund(first, 100_000_000n);
  const { consumerId, producerId } = first;
  let former = first;
  // How long before noon each begins, and from how long before noon on time is paid for then.
  for (const [begunAt, seconds] of [
    ['2026-11-10T11:59:00Z', 70],
    ['2026-11-10T11:59:30Z', 30],
    ['2026-11-10T11:59:50Z', 10],
  ] as const) {
    await corner.end(former, new Date(begunAt));
    former = await corner.trade(byTime, { consumerId, producerId, begunAt });
    expect(await resume(former, clockAt('2026-11-10T12:00:00Z'), 600)).toBe(seconds);
  }
});

it('nobody waits for an answer where nothing is counted in time', async () => {
  const trade = await corner.trade({ price: '0.01' });
  await corner.fund(trade, 1_000_000n);
  await gateway.call(trade, { wants: 1, coverFromMs: 1 });
  await corner.turn();
  expect(await gateway.call(trade, { wants: 1 })).toMatchObject({ unit: 'readings', isCoverPending: false });
});
