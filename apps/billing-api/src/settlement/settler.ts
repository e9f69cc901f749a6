import { setTimeout } from 'node:timers/promises';
import { Counter, type Logger, type Registry } from '@motience/service-kit';
import { Subscriber } from '@motience/stream-log';
import { type SettlementContext, settleTurn, type TurnResult } from './settle-turn.ts';

/** What gateways report each second is settled so often, which costs the database a third; what is wanted, at once. */
export const turnEveryMs = 3_000;
const sweepEveryMs = 5_000;
/** Wants that come together are settled together, and turns do not follow each other faster than this. */
const gatherMs = 20;
const leastBetweenMs = 200;
const pauseAfterErrorMs = 1_000;

export interface Settler {
  start(): void;
  /** Resolves when the turn under way is over. */
  stop(): Promise<void>;
}

/** Settles for as long as it runs. Any number of processes may: one does, and the others stand by. */
export function createSettler(
  context: Omit<SettlementContext, 'onUnreadable'>,
  { logger, registry }: { logger: Logger; registry: Registry },
): Settler {
  let isStopping = false;
  let wake = () => {};
  let running: Promise<void> | undefined;
  const settled = new Counter({
    name: 'motience_usage_entries_settled_total',
    help: 'Entries of the usage log that this process settled',
    registers: [registry],
  });
  const subscriber = new Subscriber(context.redis, { onError: (error) => logger.warn({ err: error }, 'Redis') });

  async function run(): Promise<void> {
    let sweepAt = 0;
    let sweepAfter: bigint | undefined = 0n;
    while (!isStopping) {
      const wanted = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const startedAt = performance.now();
      let pauseMs = turnEveryMs;
      try {
        if (sweepAfter === undefined && startedAt >= sweepAt) sweepAfter = 0n;
        const isNeeded: boolean = sweepAfter !== undefined || (await context.usageLog.count()) > 0;
        const result: TurnResult | undefined = isNeeded
          ? await settleTurn({ ...context, onUnreadable }, { sweepAfter })
          : undefined;
        if (result) {
          settled.inc(result.entries);
          if (sweepAfter !== undefined && result.sweepAfter === undefined) sweepAt = performance.now() + sweepEveryMs;
          sweepAfter = result.sweepAfter;
          if (result.isFull || sweepAfter !== undefined) pauseMs = 0;
        }
      } catch (error) {
        logger.error({ err: error }, 'a turn of settlement failed; the next one does it again');
        pauseMs = pauseAfterErrorMs;
      }
      const untilMs = (ms: number) => Math.max(0, ms - (performance.now() - startedAt));
      const woken = wanted.then(() => setTimeout(Math.max(gatherMs, untilMs(leastBetweenMs))));
      const pause = new AbortController();
      await Promise.race([woken, setTimeout(untilMs(pauseMs), undefined, pause)]);
      pause.abort();
    }
  }

  function onUnreadable(entryId: string, error: unknown): void {
    logger.error({ err: error, entryId }, 'an entry of the usage log cannot be read; it is left there');
  }

  return {
    start() {
      context.usageLog
        .listen(subscriber, () => wake())
        .catch((error: unknown) => logger.warn({ err: error }, 'wants are noticed once a second only'));
      running ??= run();
    },
    async stop() {
      isStopping = true;
      wake();
      await running;
      subscriber.close();
    },
  };
}
