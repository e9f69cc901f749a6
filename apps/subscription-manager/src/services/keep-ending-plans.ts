import type { Context } from '../context.ts';
import { endPlans } from './end-plans.ts';

const intervalMs = 1_000;

/**
 * Looks every second for plans whose time is over, until the function it returns is called; that resolves when nothing
 * runs any more.
 */
export function keepEndingPlans(context: Pick<Context, 'database' | 'projector' | 'logger'>): () => Promise<void> {
  let stopped = false;
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= endPlans(context, () => stopped)
      .catch((error: unknown) => {
        context.logger.warn({ err: error }, 'plans could not be ended; trying again');
      })
      .finally(() => {
        running = undefined;
      });
  }, intervalMs);
  return async () => {
    stopped = true;
    clearInterval(timer);
    await running;
  };
}
