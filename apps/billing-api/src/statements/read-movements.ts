import type { Queryable } from '@motience/database';
import { formatAmount, type Month, monthBounds } from '@motience/ledger/pricing';
import { type MovementLine, movementLineSchema } from '@motience/protocol';
import { sql } from 'drizzle-orm';
import type { StatementAccount } from './statement-account.ts';

const kindSchema = movementLineSchema.shape.kind;

/** Money of an account that moved in a month beside what use costs, in the order of the ledger, from the one after `after` on. */
export async function readMovements(
  tx: Queryable,
  account: StatementAccount,
  of: Month,
  { after, limit }: { after: bigint; limit: number },
): Promise<MovementLine[]> {
  const { from, until } = monthBounds(of);
  const rows = await tx.execute<
    Record<'id' | 'kind' | 'at' | 'currency' | 'amount', string> &
      Record<'subscription_id' | 'silent_day' | 'silent_seconds', string | null>
  >(sql`
    select t.id::text, t.kind, to_char(t.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, a.currency,
      sum(e.amount)::text as amount, t.subscription_id::text, c.day::text as silent_day, c.seconds::text as silent_seconds
    from ledger_accounts a
    join ledger_movements m on m.account_id = a.id and m.transaction_id > ${after}
    join ledger_entries e on e.transaction_id = m.transaction_id and e.account_id = m.account_id
    join ledger_transactions t on t.id = m.transaction_id
    left join silence_credits c on c.transaction_id = t.id
    where a.owner_id = ${account.id} and t.posted_at >= ${from.toISOString()} and t.posted_at < ${until.toISOString()}
    group by t.id, a.currency, c.subscription_id, c.day having sum(e.amount) <> 0
    order by t.id, a.currency limit ${limit}`);
  return rows.map(({ id, kind, at, currency, amount, subscription_id, silent_day, silent_seconds }) => ({
    kind: kindSchema.parse(kind),
    id,
    at,
    currency,
    amount: formatAmount(BigInt(amount)),
    subscription_id,
    silence: silent_day === null ? null : { day: silent_day, seconds: silent_seconds ?? '0' },
  }));
}
