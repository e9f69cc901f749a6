import { type Database, ledgerAccounts } from '@motience/database';
import { formatAmount } from '@motience/ledger/pricing';
import type { AvailableEarnings } from '@motience/protocol';
import { and, asc, eq } from 'drizzle-orm';
import { availableOf, readEarningsNotYet } from './earnings-not-yet.ts';

/** What of a producer's earnings can be paid out now, by currency, and from when on the rest can. */
export async function readAvailable({ db }: Database, producerId: bigint): Promise<AvailableEarnings['items']> {
  return db.transaction(
    async (tx) => {
      const accounts = await tx
        .select({ currency: ledgerAccounts.currency, balance: ledgerAccounts.balance })
        .from(ledgerAccounts)
        .where(and(eq(ledgerAccounts.ownerId, producerId), eq(ledgerAccounts.kind, 'earnings')))
        .orderBy(asc(ledgerAccounts.currency));
      const all = await readEarningsNotYet(tx, producerId);
      return accounts.map(({ currency, balance }) => {
        const notYet = all.filter((each) => each.currency === currency);
        return {
          currency,
          earnings: formatAmount(balance),
          available: formatAmount(availableOf(balance, notYet)),
          not_yet: notYet.map(({ amount, from }) => ({ amount: formatAmount(amount), from })),
        };
      });
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}
