import { ledgerAccounts, ledgerEntries, ledgerTransactions } from '@motience/database';
import { Refusal } from '@motience/protocol';
import { eq } from 'drizzle-orm';
import { type LedgerDatabase, type Posted, post } from './post.ts';
import { accountOf } from './read-account.ts';

export interface Reversal {
  /** The key of the reversal itself. */
  readonly key: string;
  /** The transaction that was posted by mistake. */
  readonly transactionId: bigint;
}

/**
 * Takes a transaction back by the opposite of its entries. Refuses with `not-found` if there is none, `conflict` if it was
 * reversed under another key, `payment-required` if a wallet or hold no longer has what it got.
 */
export async function reverse(db: LedgerDatabase, { key, transactionId }: Reversal): Promise<Posted> {
  const rows = await db
    .select({ account: ledgerAccounts, amount: ledgerEntries.amount, of: ledgerTransactions.subscriptionId })
    .from(ledgerTransactions)
    .innerJoin(ledgerEntries, eq(ledgerEntries.transactionId, ledgerTransactions.id))
    .innerJoin(ledgerAccounts, eq(ledgerAccounts.id, ledgerEntries.accountId))
    .where(eq(ledgerTransactions.id, transactionId));
  if (rows.length === 0) throw new Refusal('not-found', 'there is no such transaction');
  return post(db, {
    key,
    kind: 'reversal',
    entries: rows.map(({ account, amount }) => ({ account: accountOf(account), amount: -amount })),
    subscriptionId: rows[0]?.of ?? undefined,
    reverses: transactionId,
  });
}
