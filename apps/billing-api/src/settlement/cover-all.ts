import type { Queryable } from '@motience/database';
import type { Credit } from '@motience/stream-log';
import { coverPast, stillCovered } from './cover-past.ts';
import { earlier } from './days.ts';
import type { Funds } from './funds.ts';
import { loadPastTimes } from './load-past-times.ts';
import type { Meter } from './meter.ts';

/** By subscription, and by our clock. */
export interface CoverWishes {
  /** Since when gateways were told that its time is paid for. */
  readonly told: ReadonlyMap<string, Date>;
  /** Since when they would like it to be. */
  readonly toCover: ReadonlyMap<string, Date>;
}

/** `ours` makes an instant of ms by the clock of Redis. */
export function coverWishes(credits: Iterable<Credit>, ours: (ms: number) => Date): CoverWishes {
  const told = new Map<string, Date>();
  const toCover = new Map<string, Date>();
  for (const { subscriptionId, coveredFromMs, toCoverFromMs } of credits) {
    if (coveredFromMs !== undefined) told.set(subscriptionId, ours(coveredFromMs));
    if (toCoverFromMs !== undefined) toCover.set(subscriptionId, ours(toCoverFromMs));
  }
  return { told, toCover };
}

interface CoverQuestion {
  readonly wishes: CoverWishes;
  readonly meters: readonly Meter[];
  readonly fundsOf: (meter: Meter) => Funds | undefined;
  readonly now: Date;
}

/**
 * Charges the past that gateways would like to give, as far as there is money for it, and gives since when the time of each
 * meter is paid for; undefined where nothing is to be paid for by time.
 */
export async function coverAll(
  tx: Queryable,
  { wishes: { told, toCover }, meters, fundsOf, now }: CoverQuestion,
): Promise<ReadonlyMap<Meter, Date | undefined>> {
  const since = new Map(told);
  for (const [id, from] of toCover) since.set(id, earlier(from, told.get(id) ?? from));
  const pastTimes = await loadPastTimes(tx, since);
  const coveredFrom = (meter: Meter) => {
    const { subscriptionId } = meter.facts;
    const past = pastTimes.get(subscriptionId);
    const funds = fundsOf(meter);
    if (!past || !funds) return undefined;
    const from = toCover.get(subscriptionId);
    return from ? coverPast({ meter, past, funds, from, now }) : stillCovered(meter, past, told.get(subscriptionId));
  };
  return new Map(meters.map((meter) => [meter, coveredFrom(meter)]));
}
