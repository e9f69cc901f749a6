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

/** A turn over everything, so much later. */
const turnLater = (minutes: number) => {
  const later = new Date(Date.now() + minutes * 60_000);
  return corner.turn({ sweepAfter: 0n, clocks: { ours: later, redis: later } });
};

describe('a plan per reading', () => {
  it('has money held for what it gives out, captured for what was delivered, and given back once nobody receives', async () => {
    const trade = await corner.trade({ price: '0.001' });
    await corner.fund(trade, 2_000_000n);
    const gateway = corner.gateway();
    expect(await gateway.call(trade, { wants: 50 })).toMatchObject({ unit: undefined, holds: 0 });
    await corner.turn();
    // A tenth of the money.
    expect(await corner.balances(trade)).toEqual({ wallet: 1_800_000n, hold: 200_000n, earnings: 0n, debt: 0n });
    expect(await gateway.call(trade, { wants: 50 })).toMatchObject({ unit: 'readings', state: 'open', holds: 50 });

    await gateway.call(trade, { spans: [span(11, 40)], spent: 30 });
    await corner.turn();
    expect(await corner.recorded(trade)).toMatchObject({ readings: 30n, bytes: 3_000n, charged: 30_000n, fee: 3_000n });
    const { wallet, hold, earnings } = await corner.balances(trade);
    expect([wallet + hold, earnings]).toEqual([1_970_000n, 27_000n]);

    await gateway.call(trade, { spans: [span(41, 45)], spent: 20, isReceived: false });
    await corner.turn();
    // Nobody names it for more than a minute: first the credit is taken back, then the hold is released.
    await turnLater(2);
    expect((await corner.balances(trade)).hold).toBeGreaterThan(0n);
    await turnLater(2);
    expect(await corner.balances(trade)).toEqual({ wallet: 1_965_000n, hold: 0n, earnings: 31_500n, debt: 0n });
    expect(await gateway.call(trade, { wants: 5 })).toMatchObject({ state: 'closed', holds: 0 });
  });

  it('bills what was delivered several times, overlapping, out of order and over several sockets once', async () => {
    const trade = await corner.trade({ price: '0.001' });
    await corner.fund(trade, 2_000_000n);
    const [one, other] = [corner.gateway(), corner.gateway()];
    await one.call(trade, { wants: 100 });
    await corner.turn();
    for (const gateway of [one, other]) await gateway.call(trade, { wants: 100 });
    await one.call(trade, { spans: [span(20, 30)], spent: 11 });
    await other.call(trade, { spans: [span(1, 10), span(5, 25)], spent: 31 });
    await corner.turn();
    await one.call(trade, { spans: [span(11, 20), span(29, 31)], spent: 13 });
    await corner.turn();
    expect(await corner.recorded(trade)).toMatchObject({ readings: 31n, bytes: 3_100n, charged: 31_000n });
    const rows = await corner.database
      .sql`select first_seq, last_seq, bytes_before, bytes_through from delivered_intervals`;
    expect([...rows]).toEqual([{ first_seq: '1', last_seq: '31', bytes_before: '0', bytes_through: '3100' }]);
  });

  it('stops when the money is used up, and goes on after a top-up', async () => {
    const trade = await corner.trade({ price: '0.1' });
    await corner.fund(trade, 1_000_000n);
    const gateway = corner.gateway();
    await gateway.call(trade, { wants: 100 });
    const seen: unknown[] = [];
    let seq = 0;
    for (let round = 0; round < 20 && seq < 10; round += 1) {
      await corner.turn();
      const slice = await gateway.call(trade, { wants: 100 });
      if (slice.holds > 0) {
        await gateway.call(trade, { spans: [span(seq + 1, seq + 1)], spent: 1, wants: 100 });
        seq += 1;
      }
      seen.push(slice.warning);
    }
    await corner.turn();
    expect(await gateway.call(trade, { wants: 100 })).toMatchObject({
      state: 'stopped',
      reason: 'insufficient-funds',
      holds: 0,
    });
    expect(seen).toContain(20);
    expect(await corner.balances(trade)).toEqual({ wallet: 0n, hold: 0n, earnings: 900_000n, debt: 0n });

    await corner.fund(trade, 500_000n);
    await corner.usageLog.want([trade.subscriptionId]);
    await corner.turn({});
    expect(await gateway.call(trade, { wants: 1 })).toMatchObject({ state: 'open', holds: 1 });
  });
});

describe('money of a consumer of several streams', () => {
  /** Uses up all that the gateway has, in less than a second. */
  async function useUp(gateway: TestGateway, trade: Trade, from: number, wants: number): Promise<number> {
    const units = gateway.unitsOf(trade.subscriptionId);
    await gateway.call(trade, { spans: [span(from, from + units - 1)], spent: units });
    await corner.turn();
    await gateway.call(trade, { wants });
    return from + units;
  }

  it('is not all held for the fastest of them', async () => {
    const fast = await corner.trade({ price: '0.001' });
    const slow = await corner.trade({ price: '0.001' }, { consumerId: fast.consumerId });
    await corner.fund(fast, 1_000_000n);
    const gateway = corner.gateway();
    await gateway.call(fast, { wants: 100 });
    await corner.turn();
    await gateway.call(fast, { wants: 100 });
    let next = 1;
    while (next <= 400) next = await useUp(gateway, fast, next, 100);
    expect((await corner.balances(fast)).wallet).toBe(0n);
    let slice = await gateway.call(slow, { wants: 50 });
    for (let turn = 0; turn < 4; turn += 1) {
      await gateway.call(fast);
      await corner.turn();
      slice = await gateway.call(slow, { wants: 50 });
    }
    expect(slice).toMatchObject({ state: 'open', holds: 50 });
    const [ofFast, ofSlow] = [await corner.balances(fast), await corner.balances(slow)];
    expect(Number(ofFast.hold)).toBeLessThanOrEqual(Number(ofFast.wallet + ofFast.hold + ofSlow.hold) / 2);
  });

  it('is given back by one that has become slower, for what it needs no more', async () => {
    const trade = await corner.trade({ price: '0.001' });
    await corner.fund(trade, 100_000_000n);
    const gateway = corner.gateway();
    await gateway.call(trade, { wants: 1_000 });
    await corner.turn();
    await gateway.call(trade, { wants: 1_000 });
    let next = 1;
    for (let round = 0; round < 4; round += 1) next = await useUp(gateway, trade, next, 1_000);
    expect((await corner.balances(trade)).hold).toBeGreaterThan(10_000_000n);
    for (let seconds = 5; seconds <= 100; seconds += 5) {
      await gateway.call(trade);
      await turnLater(seconds / 60);
    }
    // What billing gives to begin with, and what the gateway has in hand.
    expect((await corner.balances(trade)).hold).toBeLessThanOrEqual(2_000_000n);
    expect(gateway.unitsOf(trade.subscriptionId)).toBe(1_000);
    await gateway.call(trade, { spans: [span(next, next + 999)], spent: 1_000 });
    await corner.turn();
    expect(await corner.recorded(trade)).toMatchObject({ charged: BigInt(next + 999) * 1_000n });
  });
});
