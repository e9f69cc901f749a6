import { setTimeout as delay } from 'node:timers/promises';
import { residentBytes } from '../processes/look-at-processes.ts';
import type { RunningTarget } from '../targets/target.ts';
import { measureLoad } from './measure-load.ts';
import { type Measurement, type MeasureOptions, oneProducer, type Scenario } from './scenario.ts';

const sockets = 15_000;
/** Enough for a rate, and few enough to be opened again and again. */
const newSocketCount = 5_000;
const quickSockets = 500;
/** How many open at once. For their rate more: otherwise load and server wait for each other, and a third of two cores idles. */
const atOnce = 64;
const newAtOnce = 256;
/** Until what admission needed is collected. */
const calmMs = 3_000;

/** Resident memory of targets that never had a socket. */
const emptyBytes = new WeakMap<RunningTarget, number>();

export const idleMemory: Scenario = {
  name: 'idle-memory',
  title: 'Memory of an idle consumer’s socket',
  about: `${sockets.toLocaleString('en')} sockets of as many accounts, each with one subscription. Resident memory of the process that holds them, with and without them, per socket.`,
  figures: [{ key: 'memory', title: 'KB per socket', unit: 'KB', better: 'less', decimals: 2 }],
  targets: ['motience', 'bare-relay', 'plain-ws', 'socket-io'],
  market: (quick) => oneProducer(quick ? quickSockets : sockets),
  async measure(target, options) {
    let memory = 0;
    const measurement = await openSockets(target, target.sockets.consumers.length, atOnce, options, async (name) => {
      if (!options.quick) await delay(calmMs);
      const bytes = residentBytes(target.consumerServerPid);
      // What a process has once had it keeps: only before its first sockets is it without any.
      if (!emptyBytes.has(target)) emptyBytes.set(target, bytes);
      if (name === 'open') memory = bytes - (emptyBytes.get(target) ?? 0);
    });
    return { ...measurement, values: { memory: memory / 1_024 / target.sockets.consumers.length } };
  },
};

export const newSockets: Scenario = {
  name: 'new-sockets',
  title: 'New sockets',
  about: `${newSocketCount.toLocaleString('en')} consumers connect, ${newAtOnce} at a time, each with a valid token and one subscription, until each is told that it is subscribed. They have connected once before, so that what is measured is not how the runtime compiles code.`,
  figures: [{ key: 'rate', title: 'sockets/s', unit: 'sockets/s', better: 'more', decimals: 0 }],
  targets: ['motience', 'bare-relay', 'plain-ws', 'socket-io', 'ceiling'],
  market: (quick) => oneProducer(quick ? quickSockets : newSocketCount),
  async measure(target, options) {
    const all = target.sockets.consumers.length;
    await openSockets(target, all, newAtOnce, options);
    return openSockets(target, all, newAtOnce, options);
  },
};

async function openSockets(
  target: RunningTarget,
  count: number,
  atOnce: number,
  options: MeasureOptions,
  onPause: (name: string) => Promise<void> = async () => {},
): Promise<Measurement> {
  const { result, cores } = await measureLoad(
    { kind: 'connect', endpoints: target.sockets.consumers.slice(0, count), atOnce },
    options,
    { onPause },
  );
  const { opened, seconds, troubles } = result;
  return { values: { rate: opened / seconds }, lost: count - opened, troubles, cores };
}
