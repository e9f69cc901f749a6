import { type Database, ledgerAccounts, ledgerEntries, ledgerTransactions } from '@motience/database';
import { type Currency, formatAmount } from '@motience/ledger/pricing';
import type { WalletLine } from '@motience/protocol';
import { afterCursor, type Page, type PageQuery, pageOf } from '@motience/service-kit';
import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm';

/** A page of what changed an account's money in one currency, newest first. */
export async function readWalletLines(
  { db }: Database,
  ownerId: bigint,
  currency: Currency,
  { limit, cursor }: PageQuery,
): Promise<Page<WalletLine>> {
  const before = cursor === undefined ? undefined : lt(ledgerEntries.transactionId, afterCursor(cursor));
  const amount = sql<string>`sum(${ledgerEntries.amount})::text`;
  const lines = db
    .select({ id: ledgerEntries.transactionId, amount: amount.as('amount') })
    .from(ledgerEntries)
    .innerJoin(ledgerAccounts, eq(ledgerAccounts.id, ledgerEntries.accountId))
    .where(
      and(
        eq(ledgerAccounts.ownerId, ownerId),
        eq(ledgerAccounts.currency, currency),
        inArray(ledgerAccounts.kind, ['wallet', 'hold', 'refunds']),
        before,
      ),
    )
    .groupBy(ledgerEntries.transactionId)
    .having(sql`sum(${ledgerEntries.amount}) <> 0`)
    .orderBy(desc(ledgerEntries.transactionId))
    .limit(limit + 1)
    .as('lines');
  const rows = await db
    .select({ id: lines.id, amount: lines.amount, transaction: ledgerTransactions })
    .from(lines)
    .innerJoin(ledgerTransactions, eq(ledgerTransactions.id, lines.id))
    .orderBy(desc(lines.id));
  return pageOf(rows, limit, ({ id, amount, transaction }) => ({
    id: String(id),
    kind: transaction.kind,
    amount: formatAmount(BigInt(amount)),
    subscription_id: transaction.subscriptionId === null ? null : String(transaction.subscriptionId),
    at: transaction.postedAt.toISOString(),
  }));
}
