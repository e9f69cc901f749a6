import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { Refusal } from '@motience/protocol';
import type { ProducerClient } from '@motience/sdk';
import type { Logger } from 'pino';
import { QueueUnwritable } from './queue-store.ts';
import type { Source, SourceItem } from './sources/source.ts';

/** Readings that may wait for the queue's disk at once: they share one sync. */
const maxWaiting = 1_000;
/** After this many bad lines told one by one, only their number is. */
const mistakesTold = 20;
const firstRetryMs = 500;
const longestRetryMs = 10_000;

export interface SentReadings {
  queued: number;
  /** Pieces of input that no reading can be made of. */
  skipped: number;
  /** Readings that were read and could not be queued before the end. */
  unqueued: number;
}

/**
 * Puts a source's readings into the client's queue, in order, until the source ends, holding it back while the queue
 * has no room or cannot be written. Mistakes are reported with their line and skipped. Once the signal aborts, what
 * cannot be queued at once is given up, and counted. Throws if the source fails, or the queue for good.
 */
export async function sendReadings(
  source: Source,
  client: ProducerClient,
  log: Logger,
  signal: AbortSignal,
): Promise<SentReadings> {
  const counts: SentReadings = { queued: 0, skipped: 0, unqueued: 0 };
  const queueAll = async (items: SourceItem[]) => {
    const readings = items.filter((item) => 'text' in item);
    for (const item of items) if ('mistake' in item) tellMistake(item, counts, log);
    let left = readings;
    let isHeldBack = false;
    for (let retryMs = firstRetryMs; left.length > 0; retryMs = Math.min(retryMs * 2, longestRetryMs)) {
      const { unqueued, why } = await queue(left, client);
      counts.queued += left.length - unqueued.length;
      left = unqueued;
      if (left.length === 0) break;
      const isWorthWaiting = why instanceof QueueUnwritable && !signal.aborted;
      if (!isWorthWaiting) {
        counts.unqueued += left.length;
        // The client was stopped, or the signal came while the disk was full: that is no failure of ours.
        if (why instanceof QueueUnwritable || (why instanceof Refusal && why.kind === 'unavailable')) return;
        throw why;
      }
      isHeldBack = true;
      log.error({ readings: left.length }, `${why.message}; readings are held back until it can be`);
      await setTimeout(retryMs, undefined, { signal }).catch(() => {});
    }
    if (isHeldBack) log.info('the queue can be written again');
  };
  const sink = new Writable({
    objectMode: true,
    highWaterMark: maxWaiting,
    // What comes while a write is under way shares the next one.
    writev: (chunks: { chunk: SourceItem }[], done) => {
      queueAll(chunks.map(({ chunk }) => chunk)).then(() => done(), done);
    },
  });
  const failed = new Promise<never>((_, reject) => sink.once('error', reject));
  // A source that waits for input would not notice before it gets some.
  await Promise.race([pipeline(source, sink), failed]);
  return counts;
}

/** What cannot be queued is what comes last, because a write that fails refuses all that waits behind it. */
async function queue<Item extends Extract<SourceItem, { text: string }>>(items: Item[], client: ProducerClient) {
  const results = await Promise.allSettled(items.map(({ text, origin }) => client.send(text, { origin })));
  const first = results.findIndex(({ status }) => status === 'rejected');
  const failed = results[first];
  return {
    unqueued: first === -1 ? [] : items.slice(first),
    why: failed?.status === 'rejected' ? failed.reason : undefined,
  };
}

function tellMistake(
  { mistake, line }: Extract<SourceItem, { mistake: string }>,
  counts: SentReadings,
  log: Logger,
): void {
  counts.skipped += 1;
  if (counts.skipped <= mistakesTold) log.warn({ line }, `skipped: ${mistake}`);
  if (counts.skipped === mistakesTold) log.warn('further bad lines are only counted');
}
