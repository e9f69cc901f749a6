import type { Queryable } from '@motience/database';
import { monthBounds } from '@motience/ledger/pricing';
import { sql } from 'drizzle-orm';
import { lastDayOf, lastMonthEndedBy } from '../settlement/days.ts';
import { settlementLock } from '../settlement/settle-turn.ts';
import type { ClosingContext } from './close-days.ts';
import { dueForClosing } from './due-for-closing.ts';

/** How many accounts are looked at at once. */
const batchSize = 1_000;

/**
 * Makes final the statements of the last month that was over by the end of a day, of the next accounts after an id: of those
 * whose subscriptions are all closed through it. Nobody's, while something of the month may still be told by the usage log,
 * or committed. Gives where to go on; undefined once through.
 */
export async function finishStatements(
  { database, usageLog }: Pick<ClosingContext, 'database' | 'usageLog'>,
  through: string,
  after: bigint,
): Promise<bigint | undefined> {
  const of = lastMonthEndedBy(through);
  const { until } = monthBounds(of);
  return database.db.transaction(async (tx) => {
    const accounts = await tx.execute<{ id: string }>(sql`
      select id::text from users u
      where id > ${after} and role <> 'admin'
        and not exists (select from statement_finals f where f.account_id = u.id and f.month >= ${of})
      order by u.id limit ${batchSize}`);
    const last = accounts.at(-1);
    if (!last) return undefined;
    await tx.execute(sql`set local idle_in_transaction_session_timeout = '10s'`);
    await tx.execute(sql`select pg_advisory_xact_lock(${settlementLock})`);
    const waiting = await usageLog.read(1);
    if (waiting.some(({ atMs }) => atMs < until.getTime()) || (await isPostingOf(tx, until))) return undefined;
    const isDue = sql`from subscription_meters m
      join subscriptions s on s.id = m.subscription_id
      left join subscription_closings c on c.subscription_id = s.id
      where ${dueForClosing(lastDayOf(of))}`;
    await tx.execute(sql`
      insert into statement_finals (account_id, month, account_name)
      select u.id, ${of}, coalesce(u.name, u.username) from users u
      where u.id in ${accounts.map(({ id }) => BigInt(id))}
        and not exists (select ${isDue} and s.consumer_id = u.id)
        and not exists (select ${isDue} and s.producer_id = u.id)
      on conflict do nothing`);
    return BigInt(last.id);
  });
}

/** Whether somebody else may still commit what was posted before an instant. */
async function isPostingOf(tx: Queryable, until: Date): Promise<boolean> {
  const [row] = await tx.execute<{ posting: boolean }>(sql`
    select exists (select from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
      and pid <> pg_backend_pid() and xact_start < ${until.toISOString()}) as posting`);
  return row?.posting ?? true;
}
