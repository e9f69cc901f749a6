import { type Database, ledgerAccounts, ledgerEntries, ledgerTransactions, type Queryable } from '@motience/database';
import { Refusal } from '@motience/protocol';
import { eq, inArray } from 'drizzle-orm';
import { openAccounts } from './open-accounts.ts';
import { refuseDatabaseErrors } from './refuse-database-errors.ts';
import { contentOf, type Draft, draft, type Transaction } from './transaction.ts';

/** The database, or a transaction of it that the postings are to be part of. */
export type LedgerDatabase = Queryable & Pick<Database['db'], 'transaction'>;

export interface Posted {
  /** `already-posted`: the very same was posted under this key before, and nothing was done. */
  readonly status: 'posted' | 'already-posted';
  readonly transactionId: bigint;
}

const maxTransactionsAtOnce = 1_000;
const maxEntriesAtOnce = 10_000;

/** Posts one transaction; see `postAll`. */
export async function post(db: LedgerDatabase, transaction: Transaction): Promise<Posted> {
  const [posted] = await postAll(db, [transaction]);
  if (!posted) throw new Error('a posting has an outcome');
  return posted;
}

/**
 * Posts transactions, all or none, in one database transaction or as part of the caller's. The answers come in their
 * order. Refuses with `payment-required` if a wallet or a hold has too little for all of them, `conflict` if something else
 * was posted under one of the keys, or more would be paid back than is owed, `not-found` if there is no such owner or subscription, `invalid-request` if they do not add
 * up to zero or a balance would be too large.
 *
 * Any number of these can run at once without a deadlock, if none is preceded by another in the same database transaction:
 * each takes what it has to wait for in one order, first accounts it opens, then keys, then balances.
 */
export async function postAll(db: LedgerDatabase, transactions: readonly Transaction[]): Promise<Posted[]> {
  const entryCount = transactions.reduce((sum, { entries }) => sum + entries.length, 0);
  if (transactions.length > maxTransactionsAtOnce || entryCount > maxEntriesAtOnce) {
    const most = `at most ${maxTransactionsAtOnce} transactions and ${maxEntriesAtOnce} entries can be posted at once`;
    throw new Refusal('invalid-request', most);
  }
  const drafts = transactions.map(draft);
  const distinct = new Map<string, Draft>();
  for (const next of drafts) {
    if ((distinct.get(next.key) ?? next).content !== next.content) throw keyTaken(next.key);
    distinct.set(next.key, next);
  }
  if (distinct.size === 0) return [];
  const posted = await refuseDatabaseErrors(() => db.transaction((tx) => write(tx, distinct)));
  return drafts.map(({ key }) => outcomeOf(posted, key));
}

async function write(tx: Queryable, drafts: ReadonlyMap<string, Draft>): Promise<Map<string, Posted>> {
  const all = [...drafts.values()];
  const accounts = new Map(all.flatMap(({ entries }) => entries).map(({ code, account }) => [code, account]));
  const ids = await openAccounts(tx, accounts);
  const posted = await claimKeys(tx, all);
  const repeats = all.filter(({ key }) => !posted.has(key));
  if (repeats.length > 0) {
    const known = await readPosted(
      tx,
      repeats.map(({ key }) => key),
    );
    for (const { key, content } of repeats) {
      const same = known.get(key);
      if (same?.content !== content) throw keyTaken(key);
      posted.set(key, { status: 'already-posted', transactionId: same.id });
    }
  }
  const rows = all
    .filter(({ key }) => posted.get(key)?.status === 'posted')
    .flatMap(({ key, entries }) =>
      entries.map(({ code, amount }) => ({
        transactionId: outcomeOf(posted, key).transactionId,
        accountId: idOf(ids, code),
        amount,
      })),
    );
  // One statement for all entries: it changes the balances, and locks them in one order.
  if (rows.length > 0) await tx.insert(ledgerEntries).values(rows);
  return posted;
}

/** Inserts the transactions whose keys are free. Waits for whoever is posting under one of the keys right now. */
async function claimKeys(tx: Queryable, drafts: readonly Draft[]): Promise<Map<string, Posted>> {
  const rows = await tx
    .insert(ledgerTransactions)
    .values(
      drafts
        .toSorted((a, b) => (a.key < b.key ? -1 : 1))
        .map(({ key, kind, subscriptionId, reverses }) => ({ key, kind, subscriptionId, reverses })),
    )
    .onConflictDoNothing({ target: ledgerTransactions.key })
    .returning({ key: ledgerTransactions.key, id: ledgerTransactions.id });
  return new Map(rows.map(({ key, id }) => [key, { status: 'posted', transactionId: id }]));
}

async function readPosted(tx: Queryable, keys: string[]): Promise<Map<string, { id: bigint; content: string }>> {
  const rows = await tx
    .select({ transaction: ledgerTransactions, code: ledgerAccounts.code, amount: ledgerEntries.amount })
    .from(ledgerTransactions)
    .innerJoin(ledgerEntries, eq(ledgerEntries.transactionId, ledgerTransactions.id))
    .innerJoin(ledgerAccounts, eq(ledgerAccounts.id, ledgerEntries.accountId))
    .where(inArray(ledgerTransactions.key, keys));
  const found = new Map<string, { transaction: (typeof rows)[number]['transaction']; entries: typeof rows }>();
  for (const row of rows) {
    const { transaction } = row;
    const same = found.get(transaction.key) ?? { transaction, entries: [] };
    same.entries.push(row);
    found.set(transaction.key, same);
  }
  return new Map(
    [...found].map(([key, { transaction, entries }]) => [
      key,
      { id: transaction.id, content: contentOf({ ...transaction, entries }) },
    ]),
  );
}

function outcomeOf(posted: ReadonlyMap<string, Posted>, key: string): Posted {
  const outcome = posted.get(key);
  if (!outcome) throw new Error(`nothing is known of the posting ${key}`);
  return outcome;
}

function idOf(ids: ReadonlyMap<string, bigint>, code: string): bigint {
  const id = ids.get(code);
  if (id === undefined) throw new Error(`the account ${code} was not opened`);
  return id;
}

function keyTaken(key: string): Refusal {
  return new Refusal('conflict', 'something else was posted under this key', {
    details: [{ path: 'key', message: `"${key}" stands for another transaction` }],
  });
}
