import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from './connection.ts';
import type { Parent } from './parent.ts';
import type { ResumePlan, ResumeResult } from './plan.ts';
import { streamsOf } from './receiver.ts';
import { Traffic } from './traffic.ts';

const patienceMs = 60_000;

/** Carries out a resume plan. In the pause the parent waits until what was missed is stored for good. */
export async function runResume(plan: ResumePlan, { mark, pause }: Parent): Promise<ResumeResult> {
  const traffic = await Traffic.open({
    producers: [plan.producer],
    consumers: [plan.witness],
    deliveriesPerReading: 1,
    window: plan.window,
  });
  try {
    const [witness] = traffic.consumers;
    const position = witness && streamsOf(witness).find(({ producer_id }) => producer_id === plan.producerId);
    if (!position) throw new Error('the witness is not told where the stream stands');
    traffic.startWindow();
    while (traffic.sent < plan.missed) await delay(1);
    await traffic.stop();
    await pause('missed');

    traffic.startRate(plan.perSecond);
    await delay(1_000);
    traffic.latency.begin();
    await delay(plan.measureMs);
    const before = traffic.latency.read();

    const returning = await Connection.open(plan.returning);
    let received = 0;
    returning.onReading = () => {
      received += 1;
    };
    returning.onTrouble = (why) => traffic.complain(`the one that came back: ${why}`);
    traffic.latency.begin();
    const { producer_id, epoch, seq } = position;
    mark('begin');
    const start = performance.now();
    returning.sendText(JSON.stringify({ type: 'subscribe', producer_id, epoch, after: seq }));
    while (received < plan.missed && traffic.troubles.length === 0 && performance.now() - start < patienceMs)
      await delay(1);
    const seconds = (performance.now() - start) / 1_000;
    mark('end');
    const meanwhile = traffic.latency.read();
    await traffic.stop();
    const deadline = performance.now() + patienceMs;
    while (received < traffic.sent && traffic.troubles.length === 0 && performance.now() < deadline) await delay(5);
    const account = traffic.account();
    returning.end();
    return {
      kind: 'resume',
      ...account,
      lost: account.lost + (traffic.sent - received),
      seconds,
      before,
      meanwhile,
    };
  } finally {
    traffic.close();
  }
}
