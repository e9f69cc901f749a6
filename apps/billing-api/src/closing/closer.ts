import type { Database } from '@motience/database';
import type { Logger } from '@motience/service-kit';
import type { UsageLog } from '@motience/stream-log';
import { sql } from 'drizzle-orm';
import { reopenSubscriptions } from '../services/reopen-subscriptions.ts';
import { type ClosingContext, closeDays } from './close-days.ts';
import { finishStatements } from './finish-statements.ts';

/** Once all was closed, what has only begun to be used since is looked for so much later. */
const lookAgainMs = 3_600_000;

interface CloserContext extends ClosingContext {
  readonly database: Database;
  readonly usageLog: UsageLog;
  readonly logger: Logger;
}

/**
 * Returns what closes days an hour after they are over, and makes statements of months final, to be called again and again; any number of processes may. What
 * cannot be closed yet is tried again at the next call. A call after all was closed does nothing for an hour, or until the next day.
 */
export function createCloser(context: CloserContext): (isStopped?: () => boolean) => Promise<void> {
  let done: { through: string; at: number } | undefined;
  return async (isStopped = () => false) => {
    const through = await lastDayToClose(context.database);
    const at = performance.now();
    if (done?.through === through && at - done.at < lookAgainMs) return;
    let isAll = true;
    let after: bigint | undefined = 0n;
    while (after !== undefined) {
      if (isStopped()) return;
      const batch = await closeDays(context, through, after);
      // Who was stopped for want of money may have some now.
      for (const consumerId of batch.credited) await reopenSubscriptions(context, consumerId);
      isAll &&= batch.isAll;
      after = batch.after;
    }
    for (let next: bigint | undefined = 0n; next !== undefined; ) {
      if (isStopped()) return;
      next = await finishStatements(context, through, next);
    }
    if (isAll) done = { through, at };
  };
}

/** The last day that has been over for an hour, by the clock of the database. */
async function lastDayToClose({ db }: Pick<Database, 'db'>): Promise<string> {
  const [row] = await db.execute<{ day: string }>(sql`
    select ((now() - interval '1 hour') at time zone 'UTC')::date - 1 || '' as day`);
  if (!row) throw new Error('the database did not say what day it is');
  return row.day;
}
