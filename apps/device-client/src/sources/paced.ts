import { setTimeout } from 'node:timers/promises';
import type { Source, SourceItem } from './source.ts';

/**
 * One tick per interval of a monotonic clock, the first at once, until the signal. When nobody asked in time, the next
 * ones do not come faster for it.
 */
export async function* ticks(intervalMs: number, signal: AbortSignal): AsyncGenerator<void> {
  let due = performance.now();
  while (await waitUntil(due, signal)) {
    due = Math.max(due + intervalMs, performance.now());
    yield;
  }
}

/** The readings of a source that has them already, one per tick. Mistakes are not held back. */
export async function* paced(source: Source, intervalMs: number, signal: AbortSignal): AsyncGenerator<SourceItem> {
  const due = ticks(intervalMs, signal);
  for await (const item of source) {
    if ('text' in item && (await due.next()).done) return;
    yield item;
  }
}

async function waitUntil(due: number, signal: AbortSignal): Promise<boolean> {
  const wait = due - performance.now();
  if (wait > 0) await setTimeout(wait, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}
