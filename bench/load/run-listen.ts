import { setTimeout as delay } from 'node:timers/promises';
import { Listener } from './listener.ts';
import type { Parent } from './parent.ts';
import type { ListenPlan, ListenResult } from './plan.ts';
import { Traffic } from './traffic.ts';

/** Carries out a listen plan. */
export async function runListen(plan: ListenPlan, { mark }: Parent): Promise<ListenResult> {
  const traffic = await Traffic.open({
    producers: [plan.producer],
    consumers: [],
    deliveriesPerReading: 0,
    window: plan.window,
  });
  const listeners: Listener[] = [];
  try {
    for (const endpoint of plan.listeners) {
      listeners.push(await Listener.open(endpoint, (why) => traffic.complain(`a listener: ${why}`)));
    }
    const received = () => listeners.reduce((sum, { bytes }) => sum + bytes, 0);
    traffic.startRate(plan.perSecond);
    await delay(plan.warmUpMs);
    mark('begin');
    const start = performance.now();
    const before = { sent: traffic.sent, bytes: received() };
    await delay(plan.measureMs);
    const seconds = (performance.now() - start) / 1_000;
    const sentPerSecond = (traffic.sent - before.sent) / seconds;
    const bytesPerSecond = (received() - before.bytes) / seconds;
    mark('end');
    await traffic.stop();
    return { kind: 'listen', ...traffic.account(), sentPerSecond, bytesPerSecond };
  } finally {
    for (const listener of listeners) listener.end();
    traffic.close();
  }
}
