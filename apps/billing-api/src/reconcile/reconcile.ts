import { type Database, type Queryable, subscriptions } from '@motience/database';
import { checkBooks } from '@motience/ledger';
import { and, asc, eq, gt } from 'drizzle-orm';
import { checkSilences } from './check-silences.ts';
import { checkSubscription } from './check-subscription.ts';
import { readRecords } from './read-records.ts';
import { wholeBooks } from './whole-books.ts';

export interface ReconcileOptions {
  /** Only this subscription, and nothing of the books as a whole. */
  readonly subscriptionId?: bigint | undefined;
  /** The first day of which all is recorded that streams did; undefined if nothing of it was ever deleted. */
  readonly recordedSince?: string | undefined;
  /** Called after each page, with how many subscriptions have been checked. */
  readonly onProgress?: (subscriptions: number) => void;
}

export interface ReconcileReport {
  readonly subscriptions: number;
  /** Months of subscriptions. */
  readonly months: number;
  /** Transactions of the ledger; undefined where only a subscription was looked at. */
  readonly transactions: bigint | undefined;
  /** The first thing that does not agree, in words; undefined if everything does. */
  readonly mismatch: string | undefined;
}

/** How many subscriptions are in memory at once. */
const pageSize = 100;

/**
 * Recomputes from the record, as of one instant, that for each subscription delivered = metered = debited = invoiced =
 * earned + fee, that each charge is what plan and use make it, that silences were credited as recorded, and that the ledger is in
 * order. Right while settlement goes on, and takes no locks. Ends at the first mismatch.
 */
export function reconcile(
  db: Pick<Database['db'], 'transaction'>,
  options: ReconcileOptions = {},
): Promise<ReconcileReport> {
  return db.transaction(
    async (tx) => {
      const checked = await checkSubscriptions(tx, options);
      if (checked.mismatch !== undefined || options.subscriptionId !== undefined)
        return { ...checked, transactions: undefined };
      const mismatch = await checkWhole(tx);
      if (mismatch !== undefined) return { ...checked, mismatch, transactions: undefined };
      const books = await checkBooks(tx);
      return { ...checked, transactions: books.transactions, mismatch: books.mismatch };
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}

async function checkSubscriptions(
  tx: Queryable,
  { subscriptionId: only, recordedSince, onProgress }: ReconcileOptions,
): Promise<{ subscriptions: number; months: number; mismatch: string | undefined }> {
  let after = 0n;
  let count = 0;
  let months = 0;
  for (;;) {
    const page = await tx
      .select({ id: subscriptions.id })
      .from(subscriptions)
      .where(and(gt(subscriptions.id, after), only === undefined ? undefined : eq(subscriptions.id, only)))
      .orderBy(asc(subscriptions.id))
      .limit(pageSize);
    const last = page.at(-1);
    if (!last) return { subscriptions: count, months, mismatch: undefined };
    const ids = page.map(({ id }) => id);
    for (const record of await readRecords(tx, ids)) {
      count += 1;
      months += record.months.length;
      const mismatch = checkSubscription(record);
      if (mismatch !== undefined) return { subscriptions: count, months, mismatch };
    }
    const mismatch = await checkSilences(tx, ids, recordedSince);
    if (mismatch !== undefined) return { subscriptions: count, months, mismatch };
    after = last.id;
    onProgress?.(count);
  }
}

async function checkWhole(tx: Queryable): Promise<string | undefined> {
  for (const rule of wholeBooks) {
    const [row] = await tx.execute<{ mismatch: string }>(rule);
    if (row) return row.mismatch;
  }
  return undefined;
}
