import { setTimeout as delay } from 'node:timers/promises';
import type { Parent } from './parent.ts';
import type { StreamPlan, StreamResult } from './plan.ts';
import { Traffic } from './traffic.ts';

/** Carries out a stream plan. */
export async function runStream(plan: StreamPlan, { mark }: Parent): Promise<StreamResult> {
  const traffic = await Traffic.open(plan);
  try {
    if (plan.perSecond === undefined) traffic.startWindow();
    else traffic.startRate(plan.perSecond);
    await delay(plan.warmUpMs);

    mark('begin');
    if (plan.perSecond !== undefined) traffic.latency.begin();
    const before = { sent: traffic.sent, settled: traffic.settled, delivered: traffic.delivered };
    const start = performance.now();
    await delay(plan.measureMs);
    const seconds = (performance.now() - start) / 1_000;
    const after = { sent: traffic.sent, settled: traffic.settled, delivered: traffic.delivered };
    if (plan.perSecond !== undefined) traffic.latency.end();
    mark('end');

    await traffic.stop();
    return {
      kind: 'stream',
      ...traffic.account(),
      seconds,
      sentPerSecond: (after.sent - before.sent) / seconds,
      settledPerSecond: (after.settled - before.settled) / seconds,
      deliveredPerSecond: (after.delivered - before.delivered) / seconds,
      latency: traffic.latency.read(),
    };
  } finally {
    traffic.close();
  }
}
