import { type Database, payouts } from '@motience/database';
import { post, release } from '@motience/ledger';
import { micros } from '@motience/ledger/pricing';
import { type Payout, Refusal } from '@motience/protocol';
import { eq } from 'drizzle-orm';
import { heldFor, type PayoutRow, payoutOf } from './payout-row.ts';

/** What becomes of a payout. */
export type PayoutStep =
  | { readonly to: 'approved' }
  /** `note`: what the bank calls the payment. */
  | { readonly to: 'paid'; readonly note: string }
  /** `note`: why. */
  | { readonly to: 'failed'; readonly note: string };

/** What a payout can have been before. */
const before: Record<PayoutStep['to'], readonly PayoutRow['status'][]> = {
  approved: ['requested'],
  paid: ['approved'],
  failed: ['requested', 'approved'],
};

/**
 * Takes a payout one step on, and its money with it: what is paid leaves the platform, what failed goes back to the
 * earnings. A step that was taken already changes nothing. Refuses with `conflict` a step that is none from where it stands,
 * `not-found`.
 */
export async function movePayout({ db }: Database, id: bigint, step: PayoutStep): Promise<Payout> {
  return db.transaction(async (tx) => {
    const [row] = await tx.select().from(payouts).where(eq(payouts.id, id)).for('update');
    if (!row) throw new Refusal('not-found', `there is no payout ${id}`);
    const note = 'note' in step ? step.note : null;
    if (row.status === step.to && row.note === note) return payoutOf(row);
    if (!before[step.to].includes(row.status)) {
      throw new Refusal('conflict', `the payout is ${row.status}, and cannot become ${step.to}`);
    }
    const now = new Date();
    const isApproval = step.to === 'approved';
    const [moved] = await tx
      .update(payouts)
      .set({ status: step.to, note, ...(isApproval ? { approvedAt: now } : { endedAt: now }) })
      .where(eq(payouts.id, id))
      .returning();
    const held = { hold: heldFor(row), amount: micros(row.amount) };
    if (step.to === 'failed') await release(tx, { ...held, key: `payout:${id}:failed`, of: 'earnings' });
    if (step.to === 'paid') {
      const { currency } = held.hold;
      await post(tx, {
        key: `payout:${id}:paid`,
        kind: 'payout',
        entries: [
          { account: held.hold, amount: -row.amount },
          { account: { kind: 'provider', currency, name: 'bank' }, amount: row.amount },
        ],
      });
    }
    return payoutOf(moved ?? row);
  });
}
