import type { Queryable } from '@motience/database';
import { sql } from 'drizzle-orm';
import type { Seconds } from '../closing/silence.ts';
import { beforeBeginningMs, type PastTimes } from './cover-past.ts';
import { addDays, startOf } from './days.ts';

/**
 * What was numbered shortly before a subscription began may be had on it only if the one before had begun so long before:
 * lest changing over and over pays for nothing.
 */
const changedRarelyMs = 60 * 60_000;

/** `formerMs`: when the subscription before it had begun, if there was one. */
function goesOnFrom(begunMs: number, formerMs: number | undefined): Date {
  const isRare = formerMs === undefined || begunMs - formerMs >= changedRarelyMs;
  return new Date(isRare ? begunMs - beforeBeginningMs : begunMs);
}

/** Reads what is known of the time of subscriptions, of each from an instant on. */
export async function loadPastTimes(tx: Queryable, since: ReadonlyMap<string, Date>): Promise<Map<string, PastTimes>> {
  if (since.size === 0) return new Map();
  const these = [...since.keys()].map(BigInt);
  const wanted = [...since].map(([s, f]) => ({ s, f }));
  const heads = await tx.execute<{ id: string; begun: string; former: string | null; closed: string | null }>(sql`
    select s.id::text, (extract(epoch from s.created_at) * 1000)::float8::text as begun,
      (select (extract(epoch from f.created_at) * 1000)::float8::text from subscriptions f
        where f.consumer_id = s.consumer_id and f.producer_id = s.producer_id and f.id < s.id
        order by f.id desc limit 1) as former,
      c.closed_through::text as closed
    from subscriptions s left join subscription_closings c on c.subscription_id = s.id where s.id in ${these}`);
  const times = await tx.execute<Record<'id' | 'from' | 'until', string>>(sql`
    select w.s::text as id, extract(epoch from d.from_at)::bigint::text as "from",
      extract(epoch from d.until_at)::bigint::text as until
    from json_to_recordset(${JSON.stringify(wanted)}::json) as w(s bigint, f timestamptz)
    cross join lateral (
      select from_at, until_at from delivered_time
      where subscription_id = w.s and until_at > w.f order by until_at) d
    order by d.from_at`);
  const paid = new Map<string, Seconds[]>();
  for (const row of times) {
    const own = paid.get(row.id) ?? [];
    paid.set(row.id, own);
    own.push({ from: Number(row.from), until: Number(row.until) });
  }
  return new Map(
    heads.map(({ id, begun, former, closed }) => [
      id,
      {
        begunAt: new Date(Number(begun)),
        goesOnFrom: goesOnFrom(Number(begun), former === null ? undefined : Number(former)),
        closedUntil: closed === null ? new Date(0) : startOf(addDays(closed, 1)),
        paid: paid.get(id) ?? [],
      },
    ]),
  );
}
