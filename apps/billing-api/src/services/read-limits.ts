import { type Database, spendingLimits } from '@motience/database';
import { formatAmount } from '@motience/ledger/pricing';
import type { ShownLimits } from '@motience/protocol';
import { asc, eq } from 'drizzle-orm';
import { loadCharged } from '../settlement/load-funds.ts';

/** A consumer's limits, and what was charged of each in the current day or month (UTC). */
export async function readLimits({ db }: Pick<Database, 'db'>, consumerId: bigint): Promise<ShownLimits> {
  const limits = await db
    .select()
    .from(spendingLimits)
    .where(eq(spendingLimits.consumerId, consumerId))
    .orderBy(asc(spendingLimits.id));
  const charged = limits.length === 0 ? [] : await loadCharged(db, [consumerId], new Date());
  return {
    limits: limits.map(({ currency, subscriptionId, period, amount }) => {
      const counts = charged.filter(
        (one) =>
          one.currency === currency && (subscriptionId === null || one.subscriptionId === String(subscriptionId)),
      );
      return {
        currency,
        subscription_id: subscriptionId === null ? null : String(subscriptionId),
        period,
        amount: formatAmount(amount),
        spent: formatAmount(counts.reduce((sum, one) => sum + one.charged[period], 0n)),
      };
    }),
  };
}
