import { afterEach, beforeEach, expect, it } from 'vitest';
import { BillingCorner, span, type Trade } from '../testing/billing-corner.ts';

let corner: BillingCorner;

beforeEach(async () => {
  corner = await BillingCorner.open({ maxConnections: 1 });
});
afterEach(() => corner.close());

/** Every other reading was delivered before, each by itself, as to one who receives one device of two. */
async function deliveredEveryOther({ subscriptionId, consumerId, producerId }: Trade, last: number): Promise<void> {
  await corner.database.sql`
    insert into delivered_intervals
      (consumer_id, producer_id, epoch, first_seq, last_seq, bytes_before, bytes_through, subscription_id, day)
    select ${String(consumerId)}, ${String(producerId)}, 'e1', n, n, (n - 1) * 100, n * 100, ${subscriptionId}, '2026-11-01'
    from generate_series(2, ${last}::int, 2) n`;
  await corner.database.sql`analyze delivered_intervals`;
}

async function rowsRead(): Promise<number> {
  await corner.database.sql`select pg_stat_force_next_flush()`;
  const [row] = await corner.database.sql`
    select (idx_tup_fetch + seq_tup_read)::int as read from pg_stat_user_tables where relname = 'delivered_intervals'`;
  return row?.read;
}

it('is read around what is reported, however much was delivered in between', async () => {
  const trade = await corner.trade({ kind: 'free' });
  await deliveredEveryOther(trade, 20_000);
  const gateway = corner.gateway();
  const before = await rowsRead();
  await gateway.call(trade, { spans: [span(1, 3), span(19_999, 20_001)] });
  await corner.turn({});
  expect((await rowsRead()) - before).toBeLessThan(500);
  expect(await corner.recorded(trade)).toMatchObject({ readings: 4n, bytes: 400n });
  const rows = await corner.database.sql`
    select first_seq::int, last_seq::int from delivered_intervals
    where first_seq < 6 or last_seq > 19_996 order by first_seq`;
  expect(rows.map(({ first_seq, last_seq }) => [first_seq, last_seq])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
    [19_998, 19_998],
    [19_999, 19_999],
    [20_000, 20_000],
    [20_001, 20_001],
  ]);
});

it('counts a reading once whose row several reported spans touch, far from each other', async () => {
  const trade = await corner.trade({ kind: 'free' });
  const gateway = corner.gateway();
  await gateway.call(trade, { spans: [span(10, 5_000)] });
  await corner.turn({});
  await gateway.call(trade, { spans: [span(1, 12), span(4_990, 5_010), span(2_000, 2_001)] });
  await corner.turn({});
  expect(await corner.recorded(trade)).toMatchObject({ readings: 5_010n, bytes: 501_000n });
  const rows = await corner.database.sql`select first_seq::int, last_seq::int from delivered_intervals`;
  expect([...rows]).toEqual([{ first_seq: 1, last_seq: 5_010 }]);
});
