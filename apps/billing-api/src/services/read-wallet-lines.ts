import type { Database, Queryable } from '@motience/database';
import { type Currency, formatAmount } from '@motience/ledger/pricing';
import type { WalletLine } from '@motience/protocol';
import { afterCursor, type Page, type PageQuery, pageOf } from '@motience/service-kit';
import { sql } from 'drizzle-orm';

interface Line {
  readonly id: bigint;
  readonly kind: string;
  readonly amount: bigint;
  readonly subscriptionId: string | null;
  readonly at: Date;
}

interface Own {
  readonly ownerId: bigint;
  readonly currency: Currency;
}

const afterAll = 2n ** 63n - 1n;
/** Of each account at first; the more, the longer nothing is found, because money was only set aside. */
const fewestEntries = 100;
const mostEntries = 10_000;

/** A page of what changed an account's money in one currency, newest first. */
export async function readWalletLines(
  { db }: Database,
  ownerId: bigint,
  currency: Currency,
  { limit, cursor }: PageQuery,
): Promise<Page<WalletLine>> {
  const lines: Line[] = [];
  let before = cursor === undefined ? afterAll : afterCursor(cursor);
  let entries = Math.max(fewestEntries, limit + 1);
  while (lines.length <= limit && before > 0n) {
    const newest = await readNewest(db, { ownerId, currency }, { before, entries, most: limit + 1 });
    lines.push(...newest.lines);
    before = newest.from;
    entries = Math.min(2 * entries, mostEntries);
  }
  return pageOf(lines.slice(0, limit + 1), limit, ({ id, kind, amount, subscriptionId, at }) => ({
    id: String(id),
    kind,
    amount: formatAmount(amount),
    subscription_id: subscriptionId,
    at: at.toISOString(),
  }));
}

/**
 * The newest lines before a transaction, found among so many entries of each own account; and from which transaction on these are
 * all there are, if they are not as many as `most`: 0 if there are no more.
 */
async function readNewest(
  db: Queryable,
  { ownerId, currency }: Own,
  { before, entries, most }: { before: bigint; entries: number; most: number },
): Promise<{ lines: Line[]; from: bigint }> {
  const rows = await db.execute<
    { from: string } & Record<'id' | 'kind' | 'amount' | 'subscription_id' | 'at_ms', string | null>
  >(sql`
    with own as (
      select id from ledger_accounts
      where owner_id = ${ownerId} and currency = ${currency} and kind in ('wallet', 'hold', 'refunds')
    ), seen as materialized (
      select e.* from own cross join lateral (
        select account_id, transaction_id, amount from ledger_entries
        where account_id = own.id and transaction_id < ${before}
        order by transaction_id desc limit ${entries}) e
    ), whole as (
      select coalesce(max(first), 0) as "from" from (
        select min(transaction_id) as first from seen group by account_id having count(*) = ${entries}) cut_off
    ), lines as (
      select transaction_id, sum(amount) as amount from seen where transaction_id >= (select "from" from whole)
      group by transaction_id having sum(amount) <> 0 order by transaction_id desc limit ${most}
    )
    select whole."from"::text, t.id::text, t.kind, lines.amount::text, t.subscription_id::text,
      (extract(epoch from t.posted_at) * 1000)::float8::text as at_ms
    from whole left join (lines join ledger_transactions t on t.id = lines.transaction_id) on true
    order by t.id desc`);
  return {
    from: BigInt(rows[0]?.from ?? 0),
    lines: rows.flatMap(({ id, kind, amount, subscription_id, at_ms }) =>
      id === null || kind === null || amount === null
        ? []
        : [
            {
              id: BigInt(id),
              kind,
              amount: BigInt(amount),
              subscriptionId: subscription_id,
              at: new Date(Number(at_ms)),
            },
          ],
    ),
  };
}
