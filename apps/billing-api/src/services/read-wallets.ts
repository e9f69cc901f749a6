import { type Database, ledgerAccounts, users } from '@motience/database';
import { type Currency, formatAmount } from '@motience/ledger/pricing';
import { Refusal, type Wallet } from '@motience/protocol';
import { and, eq, inArray, sql } from 'drizzle-orm';

const sumOf = (kind: 'wallet' | 'hold' | 'refunds') =>
  sql<string>`coalesce(sum(${ledgerAccounts.balance}) filter (where ${ledgerAccounts.kind} = ${kind}), 0)::text`;

/** An account's wallets, in the order of their currencies. `not-found` if there is no such account. */
export async function readWallets({ db }: Database, ownerId: bigint): Promise<Wallet[]> {
  const rows = await db
    .select({
      currency: ledgerAccounts.currency,
      balance: sumOf('wallet'),
      held: sumOf('hold'),
      refunds: sumOf('refunds'),
    })
    .from(ledgerAccounts)
    .where(and(eq(ledgerAccounts.ownerId, ownerId), inArray(ledgerAccounts.kind, ['wallet', 'hold', 'refunds'])))
    .groupBy(ledgerAccounts.currency)
    .orderBy(ledgerAccounts.currency);
  if (rows.length === 0) await requireAccount(db, ownerId);
  return rows.map(({ currency, balance, held, refunds }) => ({
    account_id: String(ownerId),
    currency,
    balance: formatAmount(BigInt(balance)),
    held: formatAmount(BigInt(held)),
    owed: formatAmount(BigInt(refunds) < 0n ? -BigInt(refunds) : 0n),
  }));
}

/** One wallet; one that never had money in it is empty. `not-found` if there is no such account. */
export async function readWallet(database: Database, ownerId: bigint, currency: Currency): Promise<Wallet> {
  const wallets = await readWallets(database, ownerId);
  const nothing = formatAmount(0n);
  const empty = { account_id: String(ownerId), currency, balance: nothing, held: nothing, owed: nothing };
  return wallets.find((wallet) => wallet.currency === currency) ?? empty;
}

async function requireAccount(db: Database['db'], id: bigint): Promise<void> {
  const found = await db.select({ id: users.id }).from(users).where(eq(users.id, id));
  if (found.length === 0) throw new Refusal('not-found', `there is no account ${id}`);
}
