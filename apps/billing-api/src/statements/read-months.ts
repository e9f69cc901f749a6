import type { Queryable } from '@motience/database';
import { type Month, month } from '@motience/ledger/pricing';
import { sql } from 'drizzle-orm';
import { dueForClosing } from '../closing/due-for-closing.ts';
import { lastDayOf } from '../settlement/days.ts';
import type { StatementAccount } from './statement-account.ts';

/** The months an account can have statements of, newest first: from when it, or the first of its subscriptions, began. */
export async function readMonths(db: Queryable, account: StatementAccount): Promise<Month[]> {
  const rows = await db.execute<{ month: string }>(sql`
    select to_char(months.at, 'YYYY-MM') as month from generate_series(
      date_trunc('month', least((select created_at from users where id = ${account.id}),
        (select min(s.created_at) from subscriptions s where ${account.own} = ${account.id})) at time zone 'UTC'),
      now() at time zone 'UTC', interval '1 month') as months (at)
    order by months.at desc limit 600`);
  return rows.map((row) => month(row.month));
}

/**
 * Whether nothing of a month's statement can change any more: it has been over for an hour, nothing posted in it is still to
 * be committed, and all subscriptions of the account are closed.
 */
export async function isFinal(db: Queryable, account: StatementAccount, of: Month): Promise<boolean> {
  const through = lastDayOf(of);
  const [row] = await db.execute<{ final: boolean }>(sql`
    select now() at time zone 'UTC' >= ${through}::date + interval '25 hours'
      and not exists (select from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
        and xact_start < (${through}::date + 1)::timestamp at time zone 'UTC')
      and not exists (select from subscription_meters m
        join subscriptions s on s.id = m.subscription_id
        left join subscription_closings c on c.subscription_id = s.id
        where ${account.own} = ${account.id} and ${dueForClosing(through)}) as final`);
  return row?.final ?? false;
}
