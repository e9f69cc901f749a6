import { createKeys, StreamReader } from '@motience/stream-log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { reconcile } from '../reconcile/reconcile.ts';
import { BillingCorner, span, type Trade } from '../testing/billing-corner.ts';
import { sumOldDeliveries } from './sum-old-deliveries.ts';

let corner: BillingCorner;
let trade: Trade;

beforeEach(async () => {
  corner = await BillingCorner.open();
  trade = await corner.trade({ kind: 'free' });
});
afterEach(() => corner.close());

const sumOld = () => {
  const streams = new StreamReader(corner.redis, createKeys(corner.prefix), 1);
  return sumOldDeliveries({ database: corner.database, streams });
};

/** Readings of these seqs are delivered, as to one who receives one device of many. */
async function deliver(seqs: readonly number[], to = trade): Promise<void> {
  const gateway = corner.gateway();
  await gateway.call(to, { spans: seqs.map((seq) => span(seq, seq)) });
  await corner.turn({});
}

async function keepInDatabase(epoch: string, ...seqs: number[]): Promise<void> {
  for (const seq of seqs) {
    await corner.database.sql`
      insert into readings (producer_id, epoch, seq, device_id, body)
      values (${String(trade.producerId)}, ${epoch}, ${seq}, 'a', '{')`;
  }
}

/** Redis keeps the stream from a seq of an epoch on. */
async function keepInRedis(epoch: string, seq: number): Promise<void> {
  const stream = createKeys(corner.prefix).stream(0, String(trade.producerId));
  await corner.redis.hset(stream, { epoch, base: 0, head: 1_000, retained_from: seq });
}

const rows = (table: 'delivered_intervals' | 'delivered_sums') =>
  corner.database.sql`select * from ${corner.database.sql(table)} order by first_seq`;
const numbers = async (table: 'delivered_intervals' | 'delivered_sums', ...columns: string[]) =>
  (await rows(table)).map((row) => columns.map((column) => Number(row[column])));
const intervals = () => numbers('delivered_intervals', 'first_seq', 'last_seq');
const sums = () => numbers('delivered_sums', 'first_seq', 'last_seq', 'intervals', 'readings', 'bytes');
const inOrder = async () => expect((await reconcile(corner.database.db)).mismatch).toBeUndefined();

it('makes one row of the intervals whose readings nobody keeps, and leaves the others', async () => {
  await deliver([1, 3, 5, 7, 9, 11]);
  await keepInDatabase('e1', 8, 9);
  await keepInRedis('e1', 10);
  await sumOld();
  expect(await sums()).toEqual([[1, 7, 4, 4, 400]]);
  expect(await intervals()).toEqual([
    [9, 9],
    [11, 11],
  ]);
  await inOrder();
});

it('adds to what was summed before', async () => {
  await keepInRedis('e1', 4);
  await deliver([1, 3, 5]);
  await sumOld();
  await keepInRedis('e1', 900);
  await deliver([8, 9, 20]);
  await sumOld();
  expect(await sums()).toEqual([[1, 20, 5, 6, 600]]);
  expect(await intervals()).toEqual([]);
  await inOrder();
});

it('never counts a reading again that was summed, whoever tells of it, and counts on right behind', async () => {
  await deliver([2, 4, 6]);
  await sumOld();
  expect(await intervals()).toEqual([]);
  // Told again, with what lay between and before: free; 7 to 9 are new.
  await corner.gateway().call(trade, { spans: [span(1, 5), span(3, 9)] });
  await corner.turn({});
  expect(await corner.recorded(trade)).toMatchObject({ readings: 6n, bytes: 600n });
  expect(await intervals()).toEqual([[7, 9]]);
  await inOrder();
});

it('does the same for a later subscription of the same consumer, on another plan', async () => {
  await deliver([2, 4, 6]);
  await sumOld();
  await corner.end(trade);
  const later = await corner.trade({ kind: 'free' }, trade);
  await deliver([4, 5, 6, 7], later);
  expect(await corner.recorded(later)).toMatchObject({ readings: 1n });
  await inOrder();
});

it('keeps what only Redis has, and what only PostgreSQL has', async () => {
  await deliver([1, 3, 5]);
  await keepInRedis('e1', 3);
  await sumOld();
  expect(await intervals()).toEqual([
    [3, 3],
    [5, 5],
  ]);
  await keepInRedis('e2', 1);
  await keepInDatabase('e1', 5);
  await sumOld();
  expect(await intervals()).toEqual([[5, 5]]);
});

it('takes as many rows as there are, in steps', async () => {
  const { consumerId, producerId, subscriptionId } = trade;
  await corner.database.sql`
    insert into delivered_intervals
      (consumer_id, producer_id, epoch, first_seq, last_seq, bytes_before, bytes_through, subscription_id, day)
    select ${String(consumerId)}, ${String(producerId)}, 'e' || n % 3, n, n, n, n + 1, ${subscriptionId}, '2026-11-01'
    from generate_series(1, 36000) n`;
  await sumOld();
  expect(await intervals()).toEqual([]);
  expect(await sums()).toEqual([
    [1, 35_998, 12_000, 12_000, 12_000],
    [2, 35_999, 12_000, 12_000, 12_000],
    [3, 36_000, 12_000, 12_000, 12_000],
  ]);
});
