import { checkReceived } from './checker/check-received.ts';
import { checkStored } from './checker/check-stored.ts';
import { addFaults, type FaultCounts, noFaults } from './checker/fault-counts.ts';
import type { Market } from './market.ts';
import { readStored } from './read-stored.ts';

interface ConsumerVerdict {
  name: string;
  readings: number;
  faults: FaultCounts;
  /** Stored readings that it was told will not come. */
  declaredLost: number;
  /** How often it was told that its position could not be served. */
  notRecovered: number;
  /** How its sockets ended, by close code. */
  socketEnds: Record<string, number>;
  /** Whether it was without a subscription at times. */
  leaves: boolean;
}

export interface Verdict {
  acknowledged: number;
  stored: FaultCounts;
  consumers: ConsumerVerdict[];
  /** Of all streams together. */
  epochs: number;
}

/** Compares what was acknowledged, what PostgreSQL holds and what each consumer got. */
export async function judge(market: Market, databaseUrl: string): Promise<Verdict> {
  const consumers = new Map<string, ConsumerVerdict>();
  for (const { options, ends } of market.consumers) {
    const { name } = options;
    const socketEnds = Object.fromEntries(ends);
    const leaves = options.leaves ?? false;
    consumers.set(name, { name, readings: 0, faults: noFaults, declaredLost: 0, notRecovered: 0, socketEnds, leaves });
  }
  let stored: FaultCounts = noFaults;
  for (const source of market.sources) {
    const rows = await readStored(databaseUrl, source.id);
    const sent = market.sentTo(undefined, source);
    stored = addFaults([stored, checkStored(sent, rows, market.epochs.get(source.id) ?? [])]);
    for (const consumer of market.consumers) {
      const journal = consumer.journals.get(source.id);
      const verdict = consumers.get(consumer.options.name);
      if (!journal || !verdict) continue;
      const narrowed = consumer.options.deviceId !== undefined;
      const received = checkReceived(market.sentTo(consumer, source), rows, journal, { narrowed });
      verdict.readings += received.readings;
      verdict.declaredLost += received.declaredLost;
      verdict.notRecovered += received.notRecovered;
      verdict.faults = addFaults([verdict.faults, received.faults]);
    }
  }
  const epochs = [...market.epochs.values()].reduce((sum, names) => sum + names.length, 0);
  return { acknowledged: market.acknowledged, stored, consumers: [...consumers.values()], epochs };
}

/** Everything that is wrong, in words; empty when all promises were kept. */
export function findingsOf(verdict: Verdict): string[] {
  const inWords = (who: string, faults: FaultCounts) =>
    Object.entries(faults).flatMap(([name, count]) => (count === 0 ? [] : [`${who}: ${name} ${count}`]));
  return [
    ...inWords('PostgreSQL', verdict.stored),
    ...verdict.consumers.flatMap(({ name, faults }) => inWords(name, faults)),
    ...verdict.consumers.flatMap(({ name, declaredLost, leaves }) =>
      declaredLost === 0 || leaves ? [] : [`${name}: was told that ${declaredLost} stored readings will not come`],
    ),
  ];
}
