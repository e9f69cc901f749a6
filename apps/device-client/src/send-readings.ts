import { Refusal } from '@motience/protocol';
import type { ProducerClient } from '@motience/sdk';
import type { Logger } from 'pino';
import type { Source } from './sources/source.ts';

/** Readings that may wait for the queue's disk at once: they share one sync. */
const maxWaiting = 1_000;
/** After this many bad lines told one by one, only their number is. */
const mistakesTold = 20;

/**
 * Puts a source's readings into the client's queue until the source ends, holding it back while the queue has no room.
 * Mistakes are reported with their line and skipped. Resolves with what was queued and skipped.
 */
export async function sendReadings(
  source: Source,
  client: ProducerClient,
  log: Logger,
): Promise<{ queued: number; skipped: number }> {
  const waiting = new Set<Promise<void>>();
  let failure: unknown;
  let queued = 0;
  let skipped = 0;
  for await (const item of source) {
    if (failure) break;
    if ('mistake' in item) {
      skipped += 1;
      if (skipped <= mistakesTold) log.warn({ line: item.line }, `skipped: ${item.mistake}`);
      if (skipped === mistakesTold) log.warn('further bad lines are only counted');
      continue;
    }
    const sent: Promise<void> = client
      .send(item.text, { origin: item.origin })
      .then(() => {
        queued += 1;
      })
      .catch((error: unknown) => {
        // Only what the queue itself cannot do ends the program; a stop is no failure.
        failure ??= error;
      })
      .finally(() => waiting.delete(sent));
    waiting.add(sent);
    if (waiting.size >= maxWaiting) await Promise.race(waiting);
  }
  await Promise.all(waiting);
  if (failure && !(failure instanceof Refusal && failure.kind === 'unavailable')) throw failure;
  return { queued, skipped };
}
