import { spendingLimits } from '@motience/database';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BillingCorner, span, type TestGateway, type Trade } from '../testing/billing-corner.ts';

let corner: BillingCorner;

beforeEach(async () => {
  corner = await BillingCorner.open();
});

afterEach(async () => {
  try {
    expect(await corner.mismatch()).toBeUndefined();
  } finally {
    await corner.close();
  }
});

/** Turns at a time by our clock, while Redis has the real one. */
class Time {
  constructor(private ms: number) {}

  pass(seconds: number): void {
    this.ms += seconds * 1_000;
  }

  turn(): Promise<unknown> {
    return corner.turn({ sweepAfter: 0n, clocks: { ours: new Date(this.ms), redis: new Date() } });
  }
}

const timeAt = (instant: string) => new Time(Date.parse(instant));

/** Delivers as many readings as there is credit for, at most `count`, from `from` on; gives how many. */
async function deliver(gateway: TestGateway, trade: Trade, from: number, count: number): Promise<number> {
  const units = Math.min(count, gateway.unitsOf(trade.subscriptionId));
  const spans = units > 0 ? [span(from, from + units - 1)] : [];
  await gateway.call(trade, { spans, spent: units, wants: 50 });
  return units;
}

describe('a trial', () => {
  it('of readings is free without any money, and given once, also after the subscription was made anew', async () => {
    const trade = await corner.trade({ price: '1', trial: { readings: 10 } });
    const gateway = corner.gateway();
    const time = timeAt('2026-11-10T12:00:00Z');
    await gateway.call(trade, { wants: 50 });
    await time.turn();
    await gateway.call(trade, { wants: 50 });
    expect(await deliver(gateway, trade, 1, 6)).toBe(6);
    await time.turn();
    await corner.end(trade);
    await time.turn();

    const again = await corner.trade({ price: '1', trial: { readings: 10 } }, trade);
    await gateway.call(again, { wants: 50 });
    await time.turn();
    await gateway.call(again, { wants: 50 });
    expect(await deliver(gateway, again, 7, 50)).toBe(4);
    await time.turn();
    expect(await gateway.call(again, { wants: 5 })).toMatchObject({
      state: 'stopped',
      reason: 'insufficient-funds',
      holds: 0,
    });
    expect(await corner.recorded(again)).toMatchObject({ readings: 4n, trialReadings: 4n, charged: 0n });
  });

  it('of minutes runs from when it is first received; what was delivered in it and told a little later is free', async () => {
    const trade = await corner.trade({ price: '0.5', trial: { minutes: 2 } });
    await corner.fund(trade, 10_000_000n);
    const gateway = corner.gateway();
    const time = timeAt('2026-11-10T12:00:00Z');
    await gateway.call(trade, { wants: 50 });
    await time.turn();
    const slice = await gateway.call(trade, { wants: 50 });
    expect(slice).toMatchObject({ unit: 'time', state: 'open' });
    expect((slice.restMs ?? 0) / 1_000).toBeCloseTo(120, -1);
    time.pass(121);
    await gateway.call(trade, { spans: [span(1, 40)] });
    await time.turn();
    expect(await gateway.call(trade, { wants: 5 })).toMatchObject({ unit: 'readings', state: 'open', holds: 2 });
    time.pass(5);
    await gateway.call(trade, { spans: [span(41, 42)], spent: 2 });
    await time.turn();
    expect(await corner.recorded(trade)).toMatchObject({ readings: 42n, trialReadings: 40n, charged: 1_000_000n });
  });
});

describe('what waited when a trial of minutes ended', () => {
  it.each([
    ['by readings', { price: '0.5' }, 2, 1_000_000n],
    ['by bytes', { kind: 'per-megabyte', price: '5000' }, 200, 1_000_000n],
  ])(
    'is free, though it is told later; what was delivered after it is charged, %s',
    async (_, terms, spent, charged) => {
      const trade = await corner.trade({ ...terms, trial: { minutes: 2 } });
      await corner.fund(trade, 100_000_000n);
      const gateway = corner.gateway();
      const time = timeAt('2026-11-10T12:00:00Z');
      await gateway.call(trade, { wants: 50 });
      await time.turn();
      time.pass(600);
      await gateway.call(trade, { wants: 500 });
      await time.turn();
      await gateway.call(trade, { wants: 500 });
      // A socket that was not read for minutes: what waited in it has left at last.
      await gateway.call(trade, { spans: [span(1, 42)], spent });
      await time.turn();
      expect(await corner.recorded(trade)).toMatchObject({ readings: 42n, charged });
      time.pass(3_600);
      // So much later nothing can have waited: nobody came to report it.
      await gateway.call(trade, { spans: [span(43, 44)] });
      await time.turn();
      expect(await corner.recorded(trade)).toMatchObject({ readings: 44n, charged: 2n * charged });
    },
  );
});

describe('a plan by time', () => {
  it('is charged by the second while it is received, in advance held and never beyond, and stops without money', async () => {
    const trade = await corner.trade({ kind: 'per-time', price: '36', per: 'hour' });
    await corner.fund(trade, 400_000n);
    const gateway = corner.gateway();
    const time = timeAt('2026-11-10T12:00:00Z');
    await gateway.call(trade, { wants: 1 });
    await time.turn();
    // A hundredth per second: half a minute in advance.
    expect(await corner.balances(trade)).toMatchObject({ wallet: 100_000n, hold: 300_000n });
    expect(await gateway.call(trade, { wants: 1 })).toMatchObject({ unit: 'time', state: 'open' });
    time.pass(10);
    await time.turn();
    expect(await corner.recorded(trade)).toMatchObject({ seconds: 10n, charged: 100_000n });
    time.pass(10);
    await time.turn();
    expect(await corner.balances(trade)).toMatchObject({ wallet: 0n, hold: 200_000n });
    expect(await gateway.call(trade, { wants: 1 })).toMatchObject({ state: 'stopped', reason: 'insufficient-funds' });
    time.pass(60);
    await gateway.call(trade, { wants: 1 });
    await time.turn();
    expect(await corner.balances(trade)).toEqual({ wallet: 0n, hold: 0n, earnings: 360_000n, debt: 0n });
    const rows = await corner.database.sql`
      select extract(epoch from from_at)::text as from, extract(epoch from until_at)::text as until, in_trial from delivered_time`;
    const from = Date.parse('2026-11-10T12:00:00Z') / 1_000;
    expect([...rows]).toEqual([{ from: `${from}.000000`, until: `${from + 40}.000000`, in_trial: false }]);
  });

  it('costs what each month costs, over the turn of months', async () => {
    const trade = await corner.trade({ kind: 'per-time', price: '259.2', per: 'month' });
    await corner.fund(trade, 100_000_000n);
    const gateway = corner.gateway();
    const time = timeAt('2026-11-30T23:59:50Z');
    await gateway.call(trade, { wants: 1 });
    await time.turn();
    for (let round = 0; round < 2; round += 1) {
      time.pass(10);
      await gateway.call(trade, { wants: 1 });
      await time.turn();
    }
    const rows = await corner.database
      .sql`select day::text as day, seconds, charged from subscription_days order by day`;
    // November has 2,592,000 seconds, December more.
    expect([...rows]).toEqual([
      { day: '2026-11-30', seconds: '10', charged: '1000' },
      { day: '2026-12-01', seconds: '10', charged: '967' },
    ]);
  });
});

describe('a monthly plan', () => {
  it('is due with the first reading, stops at its quota, and goes on with the next month', async () => {
    const terms = { kind: 'monthly', price: '5', quota_readings: 30, beyond_quota: 'stop' };
    const trade = await corner.trade(terms);
    await corner.fund(trade, 12_000_000n);
    const gateway = corner.gateway();
    const time = timeAt('2026-11-29T12:00:00Z');
    let seq = 0;
    for (let round = 0; round < 4; round += 1) {
      await deliver(gateway, trade, seq + 1, 20).then((count) => {
        seq += count;
      });
      await time.turn();
    }
    expect(seq).toBe(30);
    expect(await gateway.call(trade, { wants: 5 })).toMatchObject({
      state: 'stopped',
      reason: 'quota-reached',
      holds: 0,
      warning: 5,
    });
    expect(await corner.balances(trade)).toEqual({ wallet: 7_000_000n, hold: 0n, earnings: 4_500_000n, debt: 0n });
    time.pass(2 * 86_400);
    await gateway.call(trade, { wants: 5 });
    await time.turn();
    expect(await gateway.call(trade, { wants: 5 })).toMatchObject({ state: 'open', holds: 5 });
    await deliver(gateway, trade, seq + 1, 5);
    await time.turn();
    expect(await corner.recorded(trade)).toMatchObject({ readings: 35n, charged: 10_000_000n });
  });
});

it('a plan by bytes gives out bytes, and charges those of the readings that were delivered', async () => {
  const trade = await corner.trade({ kind: 'per-megabyte', price: '100' });
  await corner.fund(trade, 10_000_000n);
  const gateway = corner.gateway();
  await gateway.call(trade, { wants: 5_000 });
  await corner.turn();
  expect(await gateway.call(trade, { wants: 5_000 })).toMatchObject({ unit: 'bytes', holds: 5_000 });
  await gateway.call(trade, { spans: [span(7, 16)], spent: 1_000 });
  await corner.turn();
  expect(await corner.recorded(trade)).toMatchObject({ readings: 10n, bytes: 1_000n, charged: 100_000n });
});

it('a free plan costs nothing and is recorded all the same', async () => {
  const trade = await corner.trade({ kind: 'free' });
  const gateway = corner.gateway();
  await gateway.call(trade, { wants: 5 });
  await corner.turn();
  expect(await gateway.call(trade, { wants: 5 })).toMatchObject({ unit: 'unlimited', state: 'open' });
  await gateway.call(trade, { spans: [span(1, 500)] });
  await corner.turn();
  expect(await corner.recorded(trade)).toMatchObject({ readings: 500n, charged: 0n });
});

describe('a spending limit', () => {
  it.each(['day', 'month'] as const)(
    'of the %s stops delivery at the amount, over all subscriptions, until it is over',
    async (period) => {
      const trade = await corner.trade({ price: '0.1' });
      const other = await corner.trade({ price: '0.1' }, { consumerId: trade.consumerId });
      await corner.fund(trade, 100_000_000n);
      await corner.database.db
        .insert(spendingLimits)
        .values({ consumerId: trade.consumerId, currency: 'EUR', period, amount: 1_000_000n });
      const gateway = corner.gateway();
      const time = timeAt('2026-11-30T12:00:00Z');
      const seqs = [0, 0];
      for (let round = 0; round < 20; round += 1) {
        for (const [index, each] of [trade, other].entries()) {
          seqs[index] = (seqs[index] ?? 0) + (await deliver(gateway, each, (seqs[index] ?? 0) + 1, 1));
        }
        await time.turn();
      }
      expect((seqs[0] ?? 0) + (seqs[1] ?? 0)).toBe(10);
      for (const each of [trade, other]) {
        expect(await gateway.call(each, { wants: 1 })).toMatchObject({
          state: 'stopped',
          reason: 'spending-limit',
          holds: 0,
        });
      }
      time.pass(12 * 3_600);
      await gateway.call(trade, { wants: 1 });
      await time.turn();
      expect(await gateway.call(trade, { wants: 1 })).toMatchObject({ state: 'open', holds: 1 });
    },
  );

  it('that is lowered takes back what is not taken', async () => {
    const trade = await corner.trade({ price: '0.001' });
    await corner.fund(trade, 10_000_000n);
    const gateway = corner.gateway();
    await gateway.call(trade, { wants: 10 });
    await corner.turn();
    await gateway.call(trade, { wants: 10 });
    await corner.database.db
      .insert(spendingLimits)
      .values({ consumerId: trade.consumerId, currency: 'EUR', period: 'day', amount: 12_000n });
    await corner.turn();
    await corner.turn();
    const [credit] = await corner.usageLog.inspect(0, [trade.subscriptionId]);
    expect(credit).toMatchObject({ leased: 10, left: 0 });
    expect(await corner.balances(trade)).toMatchObject({ hold: 10_000n });
  });
});

describe('a subscription that has ended', () => {
  it('has its last use settled and its hold released', async () => {
    const trade = await corner.trade({ price: '0.01' });
    await corner.fund(trade, 1_000_000n);
    const gateway = corner.gateway();
    await gateway.call(trade, { wants: 10 });
    await corner.turn();
    await gateway.call(trade, { wants: 10 });
    await corner.end(trade);
    await corner.turn();
    // What the gateway had taken it may have delivered.
    expect((await corner.balances(trade)).hold).toBeGreaterThan(0n);
    await gateway.call(trade, { spans: [span(1, 4)], spent: 10, isReceived: false });
    await corner.turn();
    await corner.turn();
    expect(await corner.balances(trade)).toEqual({ wallet: 960_000n, hold: 0n, earnings: 36_000n, debt: 0n });
  });
});

it('use that is told after its hold was given back is taken from the wallet, and what is not there is free', async () => {
  const trade = await corner.trade({ price: '0.1' });
  await corner.fund(trade, 500_000n);
  const gateway = corner.gateway();
  await gateway.call(trade, { spans: [span(1, 3)] });
  await corner.turn();
  expect(await corner.balances(trade)).toMatchObject({ earnings: 270_000n, debt: 0n });
  await gateway.call(trade, { spans: [span(4, 9)] });
  await corner.turn();
  expect(await corner.balances(trade)).toEqual({ wallet: 0n, hold: 0n, earnings: 450_000n, debt: 0n });
  expect(await corner.recorded(trade)).toMatchObject({ readings: 9n, charged: 500_000n, trialReadings: 4n });
});

it('a clock that goes back charges to no earlier day, and one that runs ahead to no later one', async () => {
  const trade = await corner.trade({ price: '0.01' });
  await corner.fund(trade, 1_000_000n);
  const gateway = corner.gateway();
  const days = async () =>
    (await corner.database.sql`select day::text as day, readings from subscription_days order by day`).map(
      ({ day, readings }) => `${day} ${readings}`,
    );
  await gateway.call(trade, { spans: [span(1, 2)] });
  await timeAt('2026-12-01T00:00:01Z').turn();
  await gateway.call(trade, { spans: [span(3, 4)] });
  await timeAt('2026-11-30T23:59:00Z').turn();
  expect(await days()).toEqual(['2026-12-01 4']);
  // Redis says it is next month already; the database does not.
  await gateway.call(trade, { spans: [span(5, 5)] });
  const ours = new Date('2026-12-31T23:59:59Z');
  await corner.turn({ clocks: { ours, redis: new Date(Date.now() - 3_600_000) } });
  expect(await days()).toEqual(['2026-12-01 4', '2026-12-31 1']);
});
