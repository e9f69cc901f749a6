import { afterEach, beforeEach, expect, it } from 'vitest';
import { reconcile } from '../reconcile/reconcile.ts';
import { BillingCorner, span, type Trade } from '../testing/billing-corner.ts';

let corner: BillingCorner;

beforeEach(async () => {
  corner = await BillingCorner.open();
});

afterEach(async () => {
  try {
    expect((await reconcile(corner.database.db)).mismatch).toBeUndefined();
  } finally {
    await corner.close();
  }
});

/** A turn at a time by the clock of the database; Redis says what it is really. */
const turnAt = (ours: string | Date) =>
  corner.turn({ sweepAfter: 0n, clocks: { ours: new Date(ours), redis: new Date() } });
const minuteLater = () => turnAt(new Date(Date.now() + 63_000));

/** Its credit is opened, and some seconds after its trial of a minute is over it is told what was delivered after it. */
async function tellAfterTrial(trades: readonly Trade[]): Promise<void> {
  const gateway = corner.gateway();
  for (const trade of trades) await gateway.call(trade, { wants: 50 });
  await corner.turn();
  for (const trade of trades) await gateway.call(trade, { spans: [span(1, 100)], spent: 100 });
  await minuteLater();
}

it('costs nothing where there is no money for it, and earns the producer nothing', async () => {
  const trade = await corner.trade({ price: '1000', trial: { minutes: 1 } });
  await tellAfterTrial([trade]);
  expect(await corner.balances(trade)).toEqual({ wallet: 0n, hold: 0n, earnings: 0n, debt: 0n });
  expect(await corner.recorded(trade)).toMatchObject({ readings: 100n, trialReadings: 100n, charged: 0n });
});

it('costs as much as there is, once among all subscriptions of a consumer', async () => {
  const terms = { price: '1', trial: { minutes: 1 } };
  const one = await corner.trade(terms);
  const other = await corner.trade(terms, { consumerId: one.consumerId });
  await corner.fund(one, 120_500_000n);
  await tellAfterTrial([one, other]);
  const { wallet, hold } = await corner.balances(one);
  const ofOther = await corner.balances(other);
  expect([wallet + hold + ofOther.hold, ofOther.debt]).toEqual([500_000n, 0n]);
  expect([await corner.recorded(one), await corner.recorded(other)]).toMatchObject([
    { charged: 100_000_000n, trialReadings: 0n },
    { charged: 20_000_000n, trialReadings: 80n },
  ]);
});

it('does not charge a new month to those who have only credit of the last one in hand', async () => {
  const terms = { kind: 'monthly', price: '1000', quota_readings: 1_000_000, beyond_quota: 'stop' };
  const trade = await corner.trade(terms);
  await corner.fund(trade, 1_000_000_000n);
  const gateway = corner.gateway();
  await gateway.call(trade, { wants: 200 });
  await turnAt('2026-11-30T12:00:00Z');
  await gateway.call(trade, { wants: 200 });
  await gateway.call(trade, { spans: [span(1, 10)], spent: 10 });
  await turnAt('2026-11-30T12:00:01Z');
  expect(await corner.balances(trade)).toMatchObject({ wallet: 0n, hold: 0n, earnings: 900_000_000n });
  await gateway.call(trade);
  await turnAt('2026-11-30T23:59:00Z');
  expect(await gateway.call(trade)).toMatchObject({ state: 'stopped', holds: 190 });
  await gateway.call(trade, { spans: [span(11, 11)], spent: 1 });
  await turnAt('2026-12-01T00:00:10Z');
  expect(await corner.balances(trade)).toEqual({ wallet: 0n, hold: 0n, earnings: 900_000_000n, debt: 0n });
});

it('holds up nobody, whatever a plan asks', async () => {
  const terms = { price: '9000000000000', trial: { minutes: 1 } };
  const one = await corner.trade(terms);
  const other = await corner.trade(terms, { producerId: one.producerId });
  await tellAfterTrial([one, other]);
  expect(await corner.recorded(other)).toMatchObject({ readings: 100n, charged: 0n });
});
