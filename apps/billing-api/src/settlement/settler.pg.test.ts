import { createLogger, createMetrics } from '@motience/service-kit';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BillingCorner, span } from '../testing/billing-corner.ts';
import { createSettler, type Settler } from './settler.ts';

let corner: BillingCorner;
let settlers: Settler[];

beforeEach(async () => {
  corner = await BillingCorner.open();
  settlers = [];
});

afterEach(async () => {
  await Promise.all(settlers.map((settler) => settler.stop()));
  try {
    expect(await corner.mismatch()).toBeUndefined();
  } finally {
    await corner.close();
  }
});

function startSettler(): Settler {
  const settler = createSettler(corner.context, {
    logger: createLogger('test', 'silent'),
    registry: createMetrics('test'),
  });
  settlers.push(settler);
  settler.start();
  return settler;
}

it('several settlers give credit when it is wanted, settle everything once, and go on when one stops', async () => {
  const trade = await corner.trade({ price: '0.001' });
  await corner.fund(trade, 5_000_000n);
  for (let count = 0; count < 3; count += 1) startSettler();
  const gateway = corner.gateway();
  const open = async () => expect(await gateway.call(trade, { wants: 50 })).toMatchObject({ state: 'open' });
  await vi.waitFor(open, { timeout: 30_000, interval: 50 });
  let seq = 0;
  for (let round = 0; round < 30; round += 1) {
    const count = Math.min(10, gateway.unitsOf(trade.subscriptionId));
    const spans = count > 0 ? [span(seq + 1, seq + count)] : [];
    seq += count;
    await gateway.call(trade, { spans, spent: count, wants: 50 });
    if (round === 10) await settlers[0]?.stop();
  }
  expect(seq).toBeGreaterThan(40);
  const settled = async () => expect((await corner.recorded(trade)).readings).toBe(BigInt(seq));
  await vi.waitFor(settled, { timeout: 30_000, interval: 50 });
  const { wallet, hold, earnings } = await corner.balances(trade);
  const { charged = 0n, fee = 0n } = await corner.recorded(trade);
  expect([charged, earnings + fee]).toEqual([BigInt(seq) * 1_000n, charged]);
  expect(wallet + hold + charged).toBe(5_000_000n);
});

it('goes on by itself after the database has cut its connection in the middle of a turn', async () => {
  const trade = await corner.trade({ price: '0.001' });
  await corner.fund(trade, 5_000_000n);
  // The turn that comes first waits for this row, and ends with its connection.
  const admin = corner.database.sql;
  await admin`create function slow_meter() returns trigger language plpgsql as 'begin perform pg_sleep(30); return new; end'`;
  await admin`create trigger slow before insert on subscription_meters for each row execute function slow_meter()`;
  const gateway = corner.gateway();
  await gateway.call(trade, { spans: [span(1, 20)] });
  startSettler();
  const cut = async () => {
    const rows = await admin`select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'`;
    expect(rows.length).toBe(1);
  };
  await vi.waitFor(cut, { timeout: 30_000, interval: 50 });
  await admin`drop function slow_meter cascade`;
  const settled = async () => expect((await corner.recorded(trade)).readings).toBe(20n);
  await vi.waitFor(settled, { timeout: 30_000, interval: 50 });
  expect((await corner.balances(trade)).earnings).toBe(18_000n);
});
