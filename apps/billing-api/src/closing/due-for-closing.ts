import { type SQL, sql } from 'drizzle-orm';

/**
 * Whether a subscription `s`, with its closing `c` if it has one, still has to be closed up to a day: it had days since, or
 * something was charged to one. For the `where` of a query.
 */
export function dueForClosing(through: string): SQL {
  return sql`(s.created_at at time zone 'UTC')::date <= ${through}::date
    and (c.closed_through is null or c.closed_through < ${through}::date and (
      s.ended_at is null or (s.ended_at at time zone 'UTC')::date > c.closed_through
      or exists (select from subscription_days d where d.subscription_id = s.id and d.day > c.closed_through)))`;
}
