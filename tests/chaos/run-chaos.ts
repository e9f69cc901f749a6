import { waitFor } from '../../packages/engines/dist/wait.js';
import { breakThings } from './break-things.ts';
import { findingsOf, judge, type Verdict } from './judge.ts';
import { type BuyerVerdict, bookFindings, judgeBooks } from './judge-books.ts';
import { Market } from './market.ts';
import { versionsOf } from './platform/engines.ts';
import { PlatformUnderChaos } from './platform/platform-under-chaos.ts';
import { keepReconciling, reconcile } from './reconcile.ts';
import type { Fault } from './schedule.ts';
import { settle } from './settle.ts';
import { settleBooks } from './settle-books.ts';

export interface ChaosOptions {
  seed: number;
  /** Three Redis masters in a cluster, instead of one Redis. */
  cluster: boolean;
  /** For how long things are broken at least. */
  durationMs: number;
  /** How many readings are sent, all producers together; as many a second as spreads them over the duration. */
  readings: number;
  /** The longest time without a new fault. */
  pauseMs: number;
  /** Where the services' logs go. */
  logFolder: string;
  onProgress?: (text: string) => void;
}

export interface ChaosResult {
  faults: Fault[];
  verdict: Verdict;
  buyers: BuyerVerdict[];
  /** How often `motience-reconcile` found that the books agree, the last time at the end. */
  reconciled: number;
  /** What was not as it should be; empty when all promises were kept. */
  findings: string[];
  /** Their versions. */
  engines: { redis: string; postgres: string };
  elapsedMs: number;
}

/** Once nothing is broken any more, this long without any progress ends the wait for what is missing. */
const patienceMs = 60_000;
const progressEveryMs = 5_000;
/** Without anything more that is counted, for so long. */
const booksPatienceMs = 10_000;
const reconcileEveryMs = 10_000;

/** Runs the platform, breaks it as the seed has it, and accounts for every reading. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, cluster, durationMs, readings, pauseMs, logFolder, onProgress = () => {} } = options;
  const startedAt = performance.now();
  onProgress('starting the platform');
  const platform = await PlatformUnderChaos.start(logFolder, { cluster });
  let market: Market | undefined;
  let report: NodeJS.Timeout | undefined;
  try {
    market = await Market.open(platform, { seed, readings, perSecond: readings / (durationMs / 1_000) });
    const { buyers, consumers, senders } = market;
    market.start();
    const begun = await waitFor(() => consumers.every(({ subscribed }) => subscribed), patienceMs);
    if (!begun) throw new Error('not every consumer could subscribe');

    const brokenFrom = performance.now();
    const seconds = () => Math.round((performance.now() - brokenFrom) / 1_000);
    const note = (text: string) => onProgress(`${String(seconds()).padStart(4)} s  ${text}`);
    report = setInterval(() => {
      note(`${market?.acknowledged} acknowledged, ${market?.received} received`);
    }, progressEveryMs);
    for (const sender of senders) void sender.run();
    const { databaseUrl } = platform;
    const reconciling = keepReconciling(databaseUrl, reconcileEveryMs);
    const faults = await breakThings(platform, market, { seed, durationMs, pauseMs, note });
    const meanwhile = await reconciling();
    await market.stay();
    await settle(market, databaseUrl, patienceMs);
    await settleBooks(buyers, databaseUrl, booksPatienceMs);
    await market.stop();
    note('checking');
    const verdict = await judge(market, databaseUrl);
    const { troubles } = platform;
    const bought = await judgeBooks(buyers, { databaseUrl, troubles, gatewayAt: (url) => platform.gatewayAt(url) });
    const { agrees, text } = await reconcile(databaseUrl);
    const unsent = senders.filter(({ done }) => !done).length;
    const findings = [
      ...findingsOf(verdict),
      ...bought.flatMap(bookFindings),
      ...meanwhile.mismatches,
      ...(agrees ? [] : [text]),
      ...new Set([...market.complaints, ...platform.unexpected()]),
      ...(unsent > 0 ? [`${unsent} producers could not bring all their readings in`] : []),
    ];
    return {
      faults,
      verdict,
      buyers: bought,
      reconciled: meanwhile.agreed + (agrees ? 1 : 0),
      findings,
      engines: await versionsOf(platform.engines),
      elapsedMs: performance.now() - startedAt,
    };
  } finally {
    clearInterval(report);
    await market?.stop();
    await platform.stop();
  }
}
