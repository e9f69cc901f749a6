import { setTimeout } from 'node:timers/promises';
import type { Source, SourceItem } from './source.ts';

/**
 * A source's readings, one per interval of a monotonic clock, the first at once. A source or a reader that is late
 * does not make the next ones come faster. Mistakes are not held back.
 */
export async function* paced(source: Source, intervalMs: number, signal: AbortSignal): AsyncGenerator<SourceItem> {
  let due = performance.now();
  for await (const item of source) {
    if ('text' in item) {
      if (!(await waitUntil(due, signal))) return;
      due = Math.max(due + intervalMs, performance.now());
    }
    yield item;
  }
}

async function waitUntil(due: number, signal: AbortSignal): Promise<boolean> {
  const wait = due - performance.now();
  if (wait > 0) await setTimeout(wait, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}
