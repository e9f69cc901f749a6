import type { Database } from '@motience/database';
import { type EntitledTime, joinTimes } from './entitled-times.ts';

/** What a consumer was subscribed to longer ago than this many subscriptions is not resumed from. */
const newest = 1_000;

/**
 * The times during which the consumer had an active subscription to the producer, as PostgreSQL knows them: ascending,
 * apart from each other, from the newest 1,000 subscriptions. To whole ms, rounded so that they never are too long.
 */
export async function findEntitlement(
  sql: Database['sql'],
  consumerId: string,
  producerId: string,
): Promise<EntitledTime[]> {
  const rows = await sql<{ from_ms: number; to_ms: number | null }[]>`
    select ceil(extract(epoch from created_at) * 1000)::float8 as from_ms,
           floor(extract(epoch from ended_at) * 1000)::float8 as to_ms
    from subscriptions
    where consumer_id = ${consumerId} and producer_id = ${producerId}
    order by id desc
    limit ${newest}`;
  return joinTimes(rows.map(({ from_ms: fromMs, to_ms: toMs }) => ({ fromMs, toMs: toMs ?? undefined })));
}
