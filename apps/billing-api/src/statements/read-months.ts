import { type Queryable, statementFinals } from '@motience/database';
import { type Month, month } from '@motience/ledger/pricing';
import { and, asc, eq, gte, max, sql } from 'drizzle-orm';
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
 * What the account was called when a month's statement became final, which never changes from then on; undefined while it
 * is not. Whatever is final for a month is for all before it.
 */
export async function readFinalName(db: Queryable, { id }: StatementAccount, of: Month): Promise<string | undefined> {
  const { accountId, month: ofRow, accountName } = statementFinals;
  const [row] = await db
    .select({ accountName })
    .from(statementFinals)
    .where(and(eq(accountId, id), gte(ofRow, of)))
    .orderBy(asc(ofRow))
    .limit(1);
  return row?.accountName;
}

/** The last month of an account that is final; undefined if none is. */
export async function readLastFinal(db: Queryable, { id }: StatementAccount): Promise<string | undefined> {
  const { accountId, month: ofRow } = statementFinals;
  const [row] = await db
    .select({ last: max(ofRow) })
    .from(statementFinals)
    .where(eq(accountId, id));
  return row?.last ?? undefined;
}
