import { setTimeout as delay } from 'node:timers/promises';
import type { Market } from './market.ts';
import type { PlatformUnderChaos } from './platform/platform-under-chaos.ts';
import { type Fault, makeSchedule } from './schedule.ts';

export interface BreakOptions {
  seed: number;
  /** For how long things are broken at least. */
  durationMs: number;
  /** The longest time without a new fault. */
  pauseMs: number;
  note: (text: string) => void;
}

/** Faults go on while readings are still being sent, for so many times the duration at most. */
const mostTimes = 3;

/**
 * Breaks things as the seed has it, for the duration and on until all readings are in. Resolves with the faults there
 * were, once all of them are mended.
 */
export async function breakThings(
  platform: PlatformUnderChaos,
  market: Market,
  { seed, durationMs, pauseMs, note }: BreakOptions,
): Promise<Fault[]> {
  const { consumers, senders } = market;
  const targets = { ...platform.targets(), readers: consumers.map(({ options }) => options.name) };
  const startedAt = performance.now();
  const faults: Fault[] = [];
  for (const fault of makeSchedule(seed, mostTimes * durationMs, targets, pauseMs)) {
    if (fault.atMs >= durationMs && senders.every(({ done }) => done)) break;
    await delay(startedAt + fault.atMs - performance.now());
    note(`${fault.kind} ${fault.target}${fault.forMs ? ` for ${fault.forMs} ms` : ''}`);
    if (fault.kind === 'slow-reader') {
      consumers.find(({ options }) => options.name === fault.target)?.rest(fault.forMs);
    } else {
      platform.break(fault);
    }
    faults.push(fault);
  }
  await platform.mended();
  note('nothing is broken any more');
  return faults;
}
