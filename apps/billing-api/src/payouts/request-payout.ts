import { type Database, lockAccounts, payouts } from '@motience/database';
import { balanceOf, hold, type LedgerDatabase } from '@motience/ledger';
import { type Currency, formatAmount, type Micros } from '@motience/ledger/pricing';
import { type Payout, Refusal } from '@motience/protocol';
import { and, eq, isNull } from 'drizzle-orm';
import { availableOf, readEarningsNotYet } from './earnings-not-yet.ts';
import { heldFor, payoutOf } from './payout-row.ts';

export interface PayoutRequest {
  readonly producerId: bigint;
  readonly currency: Currency;
  readonly amount: Micros;
  /** The producer's own name of the request: the same one again changes nothing. */
  readonly key: string;
}

/** Each is approved and paid by hand. */
const mostOpen = 10;

/**
 * Sets earnings aside to be paid out, once per key. Refuses with `payment-required` if there are less that nothing can be
 * credited from any more, `conflict` if the key stands for another request, or too many of the producer's are not over yet.
 */
export async function requestPayout(
  { db }: Database,
  request: PayoutRequest,
): Promise<{ payout: Payout; isNew: boolean }> {
  return db.transaction(async (tx) => {
    await lockAccounts(tx, [request.producerId]);
    const [added] = await tx
      .insert(payouts)
      .values({ ...request, status: 'requested' })
      .onConflictDoNothing({ target: [payouts.producerId, payouts.key] })
      .returning();
    if (added) {
      await refuseTooMany(tx, request.producerId);
      await hold(tx, { key: `payout:${added.id}`, hold: heldFor(added), amount: request.amount, of: 'earnings' });
      await refuseNotYet(tx, request);
      return { payout: payoutOf(added), isNew: true };
    }
    const [known] = await tx
      .select()
      .from(payouts)
      .where(and(eq(payouts.producerId, request.producerId), eq(payouts.key, request.key)));
    if (known?.currency !== request.currency || known.amount !== request.amount) {
      const message = 'stands for another payout';
      throw new Refusal('conflict', `key: ${message}`, { details: [{ path: 'key', message }] });
    }
    return { payout: payoutOf(known), isNew: false };
  });
}

async function refuseTooMany(tx: LedgerDatabase, producerId: bigint): Promise<void> {
  const rows = await tx
    .select({ id: payouts.id })
    .from(payouts)
    .where(and(eq(payouts.producerId, producerId), isNull(payouts.endedAt)))
    .limit(mostOpen + 1);
  if (rows.length <= mostOpen) return;
  throw new Refusal('conflict', `${mostOpen} payouts were asked for and are not over yet: wait until one is`);
}

/** What was held has locked the earnings: nothing is added to them, or taken, before this is decided. */
async function refuseNotYet(tx: LedgerDatabase, { producerId, currency, amount }: PayoutRequest): Promise<void> {
  const rest = await balanceOf(tx, { kind: 'earnings', ownerId: producerId, currency });
  const notYet = await readEarningsNotYet(tx, producerId, currency);
  const available = availableOf(rest + amount, notYet);
  const [next] = notYet;
  if (!next || available >= amount) return;
  const message = `expected at most ${formatAmount(available)}; ${formatAmount(next.amount)} more from ${next.from}, when its month is closed`;
  throw new Refusal('payment-required', `amount: ${message}`, { details: [{ path: 'amount', message }] });
}
