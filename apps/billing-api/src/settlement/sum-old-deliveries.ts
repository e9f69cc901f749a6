import type { Database } from '@motience/database';
import type { StreamReader } from '@motience/stream-log';
import { sql } from 'drizzle-orm';
import { settlementLock } from './settle-turn.ts';

interface SummingContext {
  readonly database: Pick<Database, 'db'>;
  readonly streams: Pick<StreamReader, 'keptFrom'>;
}

interface Place extends Record<string, unknown> {
  consumer_id: string;
  producer_id: string;
  epoch: string;
  /** Of the first interval. */
  last_seq: string;
}

const placesAtOnce = 200;
/** In one transaction, while settlement waits. */
const rowsAtOnce = 5_000;
const beyondAll = Number.MAX_SAFE_INTEGER;

/**
 * Puts the intervals of readings that neither Redis nor PostgreSQL keeps any more into sums, by subscription, day and epoch, so that
 * there are at most as many intervals as readings are kept. What was summed counts as delivered, with everything before it: nothing of it
 * can be delivered again, and if it were told once more it would be free. Any number of processes may do it, and stop in between.
 */
export async function sumOldDeliveries({ database, streams }: SummingContext, isStopped = () => false): Promise<void> {
  let after: Place | undefined = { consumer_id: '0', producer_id: '0', epoch: '', last_seq: '0' };
  while (after !== undefined && !isStopped()) {
    const places: Place[] = await readPlaces(database, after);
    const kept = await firstKept({ database, streams }, places);
    for (const place of places) {
      const before = kept.get(nameOf(place)) ?? beyondAll;
      // The lock only where there is something to do.
      if (Number(place.last_seq) >= before) continue;
      while (!isStopped() && (await sumSome(database, place, before)) === rowsAtOnce);
      if (isStopped()) return;
    }
    after = places.length === placesAtOnce ? places.at(-1) : undefined;
  }
}

const nameOf = ({ producer_id, epoch }: Pick<Place, 'producer_id' | 'epoch'>) => `${producer_id}/${epoch}`;

/** Whom something was delivered to, of which epochs: one step in the index for each, however many intervals it has. */
function readPlaces({ db }: Pick<Database, 'db'>, { consumer_id, producer_id, epoch }: Place): Promise<Place[]> {
  return db.execute<Place>(sql`
    with recursive places as (
      (select consumer_id, producer_id, epoch, last_seq from delivered_intervals
        where (consumer_id, producer_id, epoch) > (${consumer_id}::bigint, ${producer_id}::bigint, ${epoch})
        order by consumer_id, producer_id, epoch, first_seq limit 1)
      union all
      select next.* from places p cross join lateral (
        select i.consumer_id, i.producer_id, i.epoch, i.last_seq from delivered_intervals i
        where (i.consumer_id, i.producer_id, i.epoch) > (p.consumer_id, p.producer_id, p.epoch)
        order by i.consumer_id, i.producer_id, i.epoch, i.first_seq limit 1
      ) next
    )
    select consumer_id::text, producer_id::text, epoch, last_seq::text from places limit ${placesAtOnce}`);
}

/** The first seq that is kept of an epoch of a stream; those of which nothing is kept are left out. */
async function firstKept(
  { database, streams }: SummingContext,
  places: readonly Place[],
): Promise<Map<string, number>> {
  const first = new Map<string, number>();
  if (places.length === 0) return first;
  // Redis before PostgreSQL, where what Redis keeps no more is by then.
  const inRedis = new Map<string, Map<string, number>>();
  for (const { producer_id: id } of places) if (!inRedis.has(id)) inRedis.set(id, await streams.keptFrom(id));
  const wanted = places.map(({ producer_id: p, epoch: e }) => ({ p, e }));
  const stored = await database.db.execute<Record<'p' | 'e' | 'seq', string>>(sql`
    select w.p::text, w.e, r.seq::text
    from (select distinct p, e from json_to_recordset(${JSON.stringify(wanted)}::json) as w(p bigint, e text)) w
    cross join lateral (
      select seq from readings where producer_id = w.p and epoch = w.e order by seq limit 1
    ) r`);
  for (const { p, e, seq } of stored) first.set(nameOf({ producer_id: p, epoch: e }), Number(seq));
  for (const place of places) {
    const seq = inRedis.get(place.producer_id)?.get(place.epoch);
    if (seq !== undefined) first.set(nameOf(place), Math.min(seq, first.get(nameOf(place)) ?? beyondAll));
  }
  return first;
}

/** Sums up the first intervals of a place that end before a seq. Returns how many. */
function sumSome({ db }: Pick<Database, 'db'>, place: Place, before: number): Promise<number> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`set local idle_in_transaction_session_timeout = '10s'`);
    await tx.execute(sql`select pg_advisory_xact_lock(${settlementLock})`);
    const [row] = await tx.execute<{ count: number }>(sql`
      with old as (
        delete from delivered_intervals where ctid = any(array(
          select ctid from delivered_intervals
          where consumer_id = ${place.consumer_id}::bigint and producer_id = ${place.producer_id}::bigint
            and epoch = ${place.epoch} and first_seq < ${before} and last_seq < ${before}
          order by first_seq limit ${rowsAtOnce}))
        returning *
      ), summed as (
        insert into delivered_sums as s (consumer_id, producer_id, epoch, subscription_id, day, first_seq, last_seq,
          bytes_before, bytes_through, intervals, readings, bytes)
        select consumer_id, producer_id, epoch, subscription_id, day, min(first_seq), max(last_seq),
          min(bytes_before), max(bytes_through), count(*), sum(last_seq - first_seq + 1), sum(bytes_through - bytes_before)
        from old group by consumer_id, producer_id, epoch, subscription_id, day
        on conflict (subscription_id, day, epoch) do update set first_seq = least(s.first_seq, excluded.first_seq),
          last_seq = greatest(s.last_seq, excluded.last_seq), bytes_before = least(s.bytes_before, excluded.bytes_before),
          bytes_through = greatest(s.bytes_through, excluded.bytes_through),
          intervals = s.intervals + excluded.intervals, readings = s.readings + excluded.readings,
          bytes = s.bytes + excluded.bytes
      )
      select count(*)::int as count from old`);
    return row?.count ?? 0;
  });
}
