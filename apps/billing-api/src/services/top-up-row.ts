import type { topUps } from '@motience/database';
import { formatAmount } from '@motience/ledger/pricing';
import type { TopUp } from '@motience/protocol';

export type TopUpRow = typeof topUps.$inferSelect;

/** A row as the API shows it. */
export function toTopUp(row: TopUpRow): TopUp {
  return {
    id: String(row.id),
    account_id: String(row.accountId),
    currency: row.currency,
    amount: formatAmount(row.amount),
    provider: row.provider,
    status: row.status,
    key: row.key,
    created_at: row.createdAt.toISOString(),
    paid_at: row.paidAt?.toISOString() ?? null,
  };
}
