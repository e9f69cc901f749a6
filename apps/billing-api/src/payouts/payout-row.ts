import type { payouts } from '@motience/database';
import type { HoldAccount } from '@motience/ledger';
import { currencySchema, formatAmount } from '@motience/ledger/pricing';
import type { Payout } from '@motience/protocol';

export type PayoutRow = typeof payouts.$inferSelect;

/** Where a payout's amount waits until it is paid. */
export function heldFor({ id, producerId, currency }: Pick<PayoutRow, 'id' | 'producerId' | 'currency'>): HoldAccount {
  return { kind: 'hold', ownerId: producerId, currency: currencySchema.parse(currency), name: `payout-${id}` };
}

/** A payout as answers show it. */
export function payoutOf(row: PayoutRow): Payout {
  return {
    id: String(row.id),
    producer_id: String(row.producerId),
    currency: row.currency,
    amount: formatAmount(row.amount),
    key: row.key,
    status: row.status,
    note: row.note,
    requested_at: row.requestedAt.toISOString(),
    approved_at: row.approvedAt?.toISOString() ?? null,
    ended_at: row.endedAt?.toISOString() ?? null,
  };
}
