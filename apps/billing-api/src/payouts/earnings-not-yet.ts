import type { Queryable } from '@motience/database';
import { type SQL, sql } from 'drizzle-orm';

/** Days are closed so long after they are over. */
const closedAfter = sql`interval '1 hour'`;

/** Earnings that a credit for silence may still be taken from. */
export interface NotYet {
  readonly currency: string;
  readonly amount: bigint;
  /** From when on they can be paid out, once the month is closed: ISO, in UTC. */
  readonly from: string;
}

/**
 * What a producer has earned and cannot be paid yet, by currency and month, in ascending order: what subscriptions that pay by
 * time or by the month, on plans that promise something about silences, were charged in a month that is not closed, less
 * the fee and what was credited. A credit never exceeds what its month was charged, so what is left is the producer's.
 */
export async function readEarningsNotYet(tx: Queryable, producerId: bigint, currency?: string): Promise<NotYet[]> {
  const inCurrency: SQL = currency === undefined ? sql`` : sql`and p.terms ->> 'currency' = ${currency}`;
  const rows = await tx.execute<Record<'currency' | 'amount' | 'from', string>>(sql`
    with open_days as (
      select s.id, p.terms ->> 'currency' as currency, date_trunc('month', d.day::timestamp) as month,
        d.charged - d.fee as earned
      from subscriptions s
      join plans p on p.id = s.plan_id
      left join subscription_closings c on c.subscription_id = s.id
      -- Not all there ever were: nothing before the month of the last day that was closed is open.
      join subscription_days d on d.subscription_id = s.id
        and d.day >= coalesce(date_trunc('month', c.closed_through::timestamp)::date, '-infinity')
      where s.producer_id = ${producerId} and p.max_silence_seconds is not null
        and p.terms ->> 'kind' in ('per-time', 'monthly') ${inCurrency}
        and (c.closed_through is null
          or (c.closed_through < d.day
            or (s.ended_at is null or (s.ended_at at time zone 'UTC')::date > c.closed_through)
              and c.closed_through < (date_trunc('month', d.day::timestamp) + interval '1 month')::date - 1))),
      of_months as (
        select id, currency, month, sum(earned) - coalesce((select sum(amount) from silence_credits k
          where k.subscription_id = open_days.id and date_trunc('month', k.day::timestamp) = month), 0) as amount
        from open_days group by id, currency, month)
    select currency, sum(amount)::text as amount,
      to_char(month + interval '1 month' + ${closedAfter}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "from"
    from of_months where amount > 0 group by currency, month order by currency, month`);
  return rows.map(({ amount, ...row }) => ({ ...row, amount: BigInt(amount) }));
}

/** What of earnings can be paid out now: never less than nothing. */
export function availableOf(earnings: bigint, notYet: readonly NotYet[]): bigint {
  const available = notYet.reduce((rest, { amount }) => rest - amount, earnings);
  return available > 0n ? available : 0n;
}
