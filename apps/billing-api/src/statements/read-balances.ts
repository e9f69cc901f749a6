import type { Queryable } from '@motience/database';
import { formatAmount, type Month, monthBounds } from '@motience/ledger/pricing';
import type { Statement } from '@motience/protocol';
import { sql } from 'drizzle-orm';
import { lastDayOf } from '../settlement/days.ts';
import type { StatementAccount } from './statement-account.ts';

/**
 * Opening and closing balances of a month, by currency: reckoned back from what the accounts have now. Use counts in the month
 * of its day, whenever it was posted; everything else in the month it was posted. A currency in which there was nothing
 * before the month, and neither in it, is not shown.
 */
export async function readBalances(
  tx: Queryable,
  account: StatementAccount,
  of: Month,
): Promise<Statement['balances']> {
  const { from, until } = monthBounds(of);
  // A capture takes the charge from a consumer, and gives the producer what is left of it after the fee.
  const use = account.role === 'consumer' ? sql`-d.charged` : sql`d.charged - d.fee`;
  const rows = await tx.execute<
    Record<'currency' | 'now' | 'use' | 'use_since' | 'moved' | 'moved_since', string> & { is_of_month: boolean }
  >(sql`
    with own as (select * from ledger_accounts where owner_id = ${account.id}),
      moved as (
        select own.currency, sum(e.amount) filter (where t.posted_at < ${until.toISOString()}) as within,
          sum(e.amount) as since
        from own join ledger_movements m on m.account_id = own.id
        join ledger_entries e on e.transaction_id = m.transaction_id and e.account_id = m.account_id
        join ledger_transactions t on t.id = m.transaction_id
        where t.posted_at >= ${from.toISOString()}
        group by own.currency),
      used as (
        select p.terms ->> 'currency' as currency, sum(${use}) filter (where d.day <= ${lastDayOf(of)}) as within,
          sum(${use}) as since
        from subscriptions s join plans p on p.id = s.plan_id join subscription_days d on d.subscription_id = s.id
        where ${account.own} = ${account.id} and d.day >= ${`${of}-01`}
        group by p.terms ->> 'currency')
    select own.currency, sum(own.balance)::text as now,
      coalesce((select within from used where used.currency = own.currency), 0)::text as use,
      coalesce((select since from used where used.currency = own.currency), 0)::text as use_since,
      coalesce((select within from moved where moved.currency = own.currency), 0)::text as moved,
      coalesce((select since from moved where moved.currency = own.currency), 0)::text as moved_since,
      exists (select from used where used.currency = own.currency and within is not null)
        or exists (select from moved where moved.currency = own.currency and within is not null) as is_of_month
    from own group by own.currency order by own.currency`);
  return rows.flatMap(({ currency, now, use: used, use_since, moved, moved_since, is_of_month }) => {
    const opening = BigInt(now) - BigInt(use_since) - BigInt(moved_since);
    if (opening === 0n && !is_of_month) return [];
    return {
      currency,
      opening: formatAmount(opening),
      use: formatAmount(BigInt(used)),
      movements: formatAmount(BigInt(moved)),
      closing: formatAmount(opening + BigInt(used) + BigInt(moved)),
    };
  });
}
