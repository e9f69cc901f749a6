import { topUps } from '@motience/database';
import { type LedgerDatabase, post } from '@motience/ledger';
import { currencySchema } from '@motience/ledger/pricing';
import { eq, sql } from 'drizzle-orm';
import type { TopUpRow } from './top-up-row.ts';
import { creditEntries } from './wallet-entries.ts';

/** Puts the money of a pending top-up into its wallet. The caller's transaction has to hold the row. */
export async function payTopUp(tx: LedgerDatabase, topUp: TopUpRow, payment?: string): Promise<TopUpRow> {
  const currency = currencySchema.parse(topUp.currency);
  const { transactionId } = await post(tx, {
    key: `top-up:${topUp.id}`,
    kind: 'top-up',
    entries: [
      { account: { kind: 'provider', currency, name: topUp.provider }, amount: -topUp.amount },
      ...(await creditEntries(tx, topUp.accountId, currency, topUp.amount)),
    ],
  });
  const [paid] = await tx
    .update(topUps)
    .set({ status: 'paid', paidAt: sql`clock_timestamp()`, transactionId, ...(payment !== undefined && { payment }) })
    .where(eq(topUps.id, topUp.id))
    .returning();
  if (!paid) throw new Error('the top-up is gone');
  return paid;
}
