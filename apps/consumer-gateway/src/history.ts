import type { Database } from '@motience/database';
import { orLate } from '@motience/service-kit';
import type { RetainedBatch } from '@motience/stream-log';
import DataLoader from 'dataloader';
import pLimit from 'p-limit';
import { findHistoryEnds, type HistoryEnd, type StreamEpoch } from './services/find-history-ends.ts';
import { type HistoryRange, readHistory } from './services/read-history.ts';

/** Questions at once: fewer than the pool has connections, so that something else can always be asked. */
const questionsAtOnce = 8;

/** Questions that may wait for their turn; those beyond are refused at once. */
const maxWaiting = 10_000;

/** How long one who asks waits for an answer, in ms. What is asked goes on: nobody knows for how long PostgreSQL hangs. */
const patienceMs = 10_000;
const patienceForEndsMs = 2_000;

const endsPerQuestion = 500;

/** What PostgreSQL holds of streams. Questions are bounded in number and fail after a time, also while it hangs. */
export class History {
  private readonly limit = pLimit(questionsAtOnce);
  private readonly ends: DataLoader<StreamEpoch, HistoryEnd>;

  constructor(private readonly sql: Database['sql']) {
    this.ends = new DataLoader((epochs) => this.ask(() => findHistoryEnds(sql, epochs), patienceForEndsMs), {
      cache: false,
      maxBatchSize: endsPerQuestion,
      // All who ask in the same turn of the loop ask together.
      batchScheduleFn: (ask) => setImmediate(ask),
    });
  }

  /** See `readHistory`. */
  read(range: HistoryRange): Promise<RetainedBatch[]> {
    return this.ask(() => readHistory(this.sql, range), patienceMs);
  }

  /** Where what is held of an epoch ends, and what comes after that. */
  end(epoch: StreamEpoch): Promise<HistoryEnd> {
    return this.ends.load(epoch);
  }

  private async ask<Answer>(question: () => Promise<Answer>, waitMs: number): Promise<Answer> {
    if (this.limit.pendingCount >= maxWaiting) throw new Error('too many wait for PostgreSQL');
    return orLate(this.limit(question), waitMs, () => {
      throw new Error('PostgreSQL does not answer');
    });
  }
}
