import { type Database, type Queryable, subscriptionMeters } from '@motience/database';
import type { StreamReader, UsageLog } from '@motience/stream-log';
import { inArray, sql } from 'drizzle-orm';
import { addDays, lastMonthEndedBy, startOf } from '../settlement/days.ts';
import { settlementLock } from '../settlement/settle-turn.ts';
import { creditSilentDays } from './credit-silent-days.ts';
import { dueForClosing } from './due-for-closing.ts';
import { readPromised, type SilentDay, silentDays } from './silent-days.ts';

export interface ClosingContext {
  readonly database: Pick<Database, 'db'>;
  readonly usageLog: Pick<UsageLog, 'read'>;
  /** Undefined where readings are not persisted: then nothing is known of silences, and none is credited. */
  readonly streams: Pick<StreamReader, 'unpersisted'> | undefined;
}

/** How many subscriptions are closed at once, while settlement waits. */
const batchSize = 100;

export interface ClosedBatch {
  readonly closed: number;
  /** Consumers who were credited. */
  readonly credited: readonly bigint[];
  /** Whether none of those that were looked at was left for another time. */
  readonly isAll: boolean;
  /** Where to go on; undefined once through. */
  readonly after: bigint | undefined;
}

const nothing = { closed: 0, credited: [] };

/**
 * Closes the days up to one that is over, of the next subscriptions after an id: from then on nothing is charged to those days;
 * what the streams' silences on them give back is credited, once; and the statement lines of the months that are over are
 * written, for good. One database transaction, so whoever does it again after a crash, or beside another process, does
 * what is missing. Left for another time: time that is not settled up to the day's end, streams whose readings are
 * not all recorded, and everything, while the usage log holds something of those days.
 */
export async function closeDays(context: ClosingContext, through: string, after: bigint): Promise<ClosedBatch> {
  const { database, usageLog, streams } = context;
  const end = startOf(addDays(through, 1));
  return database.db.transaction(async (tx) => {
    await tx.execute(sql`set local idle_in_transaction_session_timeout = '10s'`);
    await tx.execute(sql`select pg_advisory_xact_lock(${settlementLock})`);
    const waiting = await usageLog.read(1);
    if (waiting.some(({ atMs }) => atMs < end.getTime())) return { ...nothing, isAll: false, after: undefined };
    const due = await tx.execute<Record<'id' | 'producer_id' | 'first', string> & { is_settled: boolean }>(sql`
      select m.subscription_id::text as id, m.producer_id::text,
        coalesce(c.closed_through + 1, (s.created_at at time zone 'UTC')::date)::text as first,
        m.accrued_until is null or m.accrued_until >= ${end.toISOString()} as is_settled
      from subscription_meters m
      join subscriptions s on s.id = m.subscription_id
      left join subscription_closings c on c.subscription_id = s.id
      where m.subscription_id > ${after} and ${dueForClosing(through)}
      order by m.subscription_id limit ${batchSize}`);
    const last = due.at(-1);
    if (!last) return { ...nothing, isAll: true, after: undefined };
    const settled = due.filter(({ is_settled }) => is_settled).map(({ id, ...row }) => ({ ...row, id: BigInt(id) }));
    const first = new Map(settled.map((row) => [row.id, row.first]));
    const promised = streams ? await readPromised(tx, [...first.keys()]) : [];
    const unrecorded = streams ? await unrecordedProducers(tx, streams, promised, end) : new Set();
    const closed = settled.filter(
      ({ id, producer_id }) => !(unrecorded.has(producer_id) && promised.some((one) => one.id === id)),
    );
    const ids = closed.map(({ id }) => id);
    if (ids.length === 0) return { ...nothing, isAll: false, after: BigInt(last.id) };

    const silent: SilentDay[] = [];
    for (const subscription of promised.filter(({ id }) => ids.includes(id))) {
      const from = first.get(subscription.id) ?? through;
      const before = await readCredited(tx, subscription.id, from);
      silent.push(...(await silentDays(tx, subscription, [from, through], before)));
    }
    const credited = await creditSilentDays(tx, silent);
    await tx
      .update(subscriptionMeters)
      .set({ settledAt: sql`greatest(${subscriptionMeters.settledAt}, ${end.toISOString()})` })
      .where(inArray(subscriptionMeters.subscriptionId, ids));
    await writeLines(tx, ids, through);
    await tx.execute(sql`
      insert into subscription_closings as c (subscription_id, closed_through, unheard_through)
      select id, ${through}::date, ${streams ? null : through}::date from subscriptions where id in ${ids}
      on conflict (subscription_id) do update set closed_through = excluded.closed_through,
        unheard_through = coalesce(excluded.unheard_through, c.unheard_through)`);
    return { closed: ids.length, credited, isAll: ids.length === due.length, after: BigInt(last.id) };
  });
}

/** Producers of whom readings of before the day's end may still be on their way into the record. */
async function unrecordedProducers(
  tx: Queryable,
  streams: Pick<StreamReader, 'unpersisted'>,
  promised: readonly { producerId: bigint }[],
  end: Date,
): Promise<Set<string>> {
  const ids = [...new Set(promised.map(({ producerId }) => producerId))];
  if (ids.length === 0) return new Set();
  // Asked first: what is recorded in between is no longer waiting, and seen below.
  const waiting = await streams.unpersisted(ids.map(String));
  if (waiting.size === 0) return waiting;
  // Readings are persisted in order, so whoever has later ones has them all.
  const rows = await tx.execute<{ id: string }>(sql`
    select producer_id::text as id from stream_minutes
    where producer_id in ${[...waiting]} and last_received_at >= ${end.toISOString()} group by producer_id`);
  for (const { id } of rows) waiting.delete(id);
  return waiting;
}

/** What is known of the silences of a month on the days before one. */
async function readCredited(tx: Queryable, id: bigint, day: string): Promise<{ seconds: bigint; amount: bigint }> {
  const [row] = await tx.execute<Record<'seconds' | 'amount', string>>(sql`
    select coalesce(sum(seconds), 0)::text as seconds, coalesce(sum(amount), 0)::text as amount from silence_credits
    where subscription_id = ${id} and day >= ${`${day.slice(0, 7)}-01`} and day < ${day}`);
  return { seconds: BigInt(row?.seconds ?? 0), amount: BigInt(row?.amount ?? 0) };
}

/** The statement lines of the months that are over by the end of a day, of what is recorded in them. */
async function writeLines(tx: Queryable, ids: readonly bigint[], through: string): Promise<void> {
  await tx.execute(sql`
    insert into statement_lines (subscription_id, month, consumer_name, producer_name, readings, bytes, seconds, trial_readings, trial_bytes,
      trial_seconds, charged, fee)
    select d.subscription_id, to_char(d.day, 'YYYY-MM'), coalesce(consumer.name, consumer.username),
      coalesce(producer.name, producer.username), sum(d.readings), sum(d.bytes), sum(d.seconds),
      sum(d.trial_readings), sum(d.trial_bytes), sum(d.trial_seconds), sum(d.charged), sum(d.fee)
    from subscription_days d
    join subscriptions s on s.id = d.subscription_id
    join users consumer on consumer.id = s.consumer_id
    join users producer on producer.id = s.producer_id
    left join subscription_closings c on c.subscription_id = d.subscription_id
    where d.subscription_id in ${[...ids]} and to_char(d.day, 'YYYY-MM') <= ${lastMonthEndedBy(through)}
      and d.day >= coalesce(date_trunc('month', (c.closed_through + 1)::timestamp)::date, '-infinity')
    group by d.subscription_id, to_char(d.day, 'YYYY-MM'), consumer.id, producer.id`);
}
