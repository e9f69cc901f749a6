import { setTimeout } from 'node:timers/promises';
import type { Database } from '@motience/database';
import type { Logger } from '@motience/service-kit';
import type { UsageLog } from '@motience/stream-log';
import { sql } from 'drizzle-orm';
import { reopenSubscriptions } from '../services/reopen-subscriptions.ts';
import { type ClosingContext, closeDays } from './close-days.ts';

const intervalMs = 60_000;

export interface Closer {
  start(): void;
  /** Resolves when the batch under way is over. */
  stop(): Promise<void>;
}

interface CloserContext extends ClosingContext {
  readonly database: Database;
  readonly usageLog: UsageLog;
  readonly logger: Logger;
}

/**
 * Closes days an hour after they are over, for as long as it runs. Any number of processes may. What cannot be closed yet
 * is tried again each minute.
 */
export function createCloser(context: CloserContext): Closer {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await closeAll();
      } catch (error) {
        context.logger.warn({ err: error }, 'days could not be closed; trying again');
      }
      await setTimeout(intervalMs, undefined, stopping).catch(() => {});
    }
  }

  async function closeAll(): Promise<void> {
    const through = await lastDayToClose(context.database);
    let after: bigint | undefined = 0n;
    while (after !== undefined && !stopping.signal.aborted) {
      const batch = await closeDays(context, through, after);
      // Who was stopped for want of money may have some now.
      for (const consumerId of batch.credited) await reopenSubscriptions(context, consumerId);
      after = batch.after;
    }
  }

  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** The last day that has been over for an hour, by the clock of the database. */
async function lastDayToClose({ db }: Pick<Database, 'db'>): Promise<string> {
  const [row] = await db.execute<{ day: string }>(sql`
    select ((now() - interval '1 hour') at time zone 'UTC')::date - 1 || '' as day`);
  if (!row) throw new Error('the database did not say what day it is');
  return row.day;
}
