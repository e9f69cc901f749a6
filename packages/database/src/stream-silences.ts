import { and, asc, eq, gte, lt } from 'drizzle-orm';
import type { Queryable } from './client.ts';
import { streamMinutes } from './stream-record-schema.ts';

/** Whole seconds, each without a reading: from the beginning of the first to the end of the last. */
export interface Silence {
  from: Date;
  to: Date;
  seconds: number;
}

interface HeardMinute {
  minute: Date;
  heardSeconds: bigint;
}

const secondMs = 1_000;

/**
 * The silences of more than `longerThanSeconds` between two whole seconds, in order, from what is recorded of each minute
 * of a stream, oldest first. A silence ends where the time does, also if it goes on; the caller chooses a time of which
 * everything is recorded by now.
 */
export function silencesOf(
  minutes: readonly HeardMinute[],
  { from, to, longerThanSeconds }: { from: Date; to: Date; longerThanSeconds: number },
): Silence[] {
  const silences: Silence[] = [];
  let silentFromMs = from.getTime();
  const endAt = (heardMs: number) => {
    const seconds = (heardMs - silentFromMs) / secondMs;
    if (seconds > longerThanSeconds) silences.push({ from: new Date(silentFromMs), to: new Date(heardMs), seconds });
  };
  for (const { minute, heardSeconds } of minutes) {
    for (let second = 0; second < 60; second += 1) {
      const atMs = minute.getTime() + second * secondMs;
      if (((heardSeconds >> BigInt(second)) & 1n) === 0n || atMs < from.getTime() || atMs >= to.getTime()) continue;
      endAt(atMs);
      silentFromMs = atMs + secondMs;
    }
  }
  endAt(to.getTime());
  return silences;
}

/** The same for a stream, as it is recorded. */
export async function readSilences(
  queryable: Queryable,
  { producerId, ...time }: { producerId: string; from: Date; to: Date; longerThanSeconds: number },
): Promise<Silence[]> {
  const minutes = await queryable
    .select({ minute: streamMinutes.minute, heardSeconds: streamMinutes.heardSeconds })
    .from(streamMinutes)
    .where(
      and(
        eq(streamMinutes.producerId, BigInt(producerId)),
        // The minute in which it begins began before.
        gte(streamMinutes.minute, new Date(time.from.getTime() - 60 * secondMs)),
        lt(streamMinutes.minute, time.to),
      ),
    )
    .orderBy(asc(streamMinutes.minute));
  return silencesOf(minutes, time);
}
