import type { Database } from '@motience/database';
import { type EntitledTime, joinTimes } from './entitled-times.ts';

/** Of what was paid for longer ago than this many pieces nothing is resumed. */
const newest = 1_000;

/**
 * The times that a consumer has paid a producer for, on plans by time, or had free in a trial on one: ascending, apart from
 * each other, from the newest 1,000 pieces that settlement has written.
 */
export async function findPaidTimes(
  sql: Database['sql'],
  consumerId: string,
  producerId: string,
): Promise<EntitledTime[]> {
  const rows = await sql<{ from_ms: number; to_ms: number }[]>`
    select (extract(epoch from d.from_at) * 1000)::float8 as from_ms,
           (extract(epoch from d.until_at) * 1000)::float8 as to_ms
    from subscriptions s
    cross join lateral (
      select from_at, until_at from delivered_time
      where subscription_id = s.id order by from_at desc limit ${newest}) d
    where s.consumer_id = ${consumerId} and s.producer_id = ${producerId}
    order by d.from_at desc
    limit ${newest}`;
  return joinTimes(rows.map(({ from_ms: fromMs, to_ms: toMs }) => ({ fromMs, toMs })));
}
