import type { Meter } from './meter.ts';

/** Nothing is concluded from not having heard of a subscription for less. */
const silentAfterMs = 3_000;

/**
 * Notes how much of its credit a subscription uses in a second, by the units that were settled in this turn: what rises
 * counts at once, what falls only slowly.
 */
export function noteRate({ row, facts }: Meter, units: bigint, now: Date): void {
  const ms = now.getTime() - facts.row.settledAt.getTime();
  if (units === 0n && ms < silentAfterMs) return;
  const perSecond = (units * 1_000n) / BigInt(Math.max(1_000, ms));
  row.rate = perSecond > row.rate ? perSecond : (row.rate * 3n + perSecond) / 4n;
}
