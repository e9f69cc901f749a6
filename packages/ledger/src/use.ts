import type { Trial } from './plan.ts';

/** What was delivered to a consumer: readings, their bytes, and the seconds it was subscribed. Always a running total or a piece of one. */
export interface Use {
  readonly readings: bigint;
  readonly bytes: bigint;
  readonly seconds: bigint;
}

export const noUse: Use = { readings: 0n, bytes: 0n, seconds: 0n };

export function addUse(one: Use, other: Use): Use {
  return {
    readings: one.readings + other.readings,
    bytes: one.bytes + other.bytes,
    seconds: one.seconds + other.seconds,
  };
}

/** What a trial is measured in, and how much of that it gives. */
function allowance(trial: Trial): { unit: 'readings' | 'seconds'; amount: bigint } {
  return 'readings' in trial
    ? { unit: 'readings', amount: BigInt(trial.readings) }
    : { unit: 'seconds', amount: BigInt(trial.minutes) * 60n };
}

/** How much of the trial's own unit is left, for whoever wants to cut a piece of use exactly where the trial ends. */
export function trialLeft(trial: Trial | undefined, spent: Use): bigint {
  if (!trial) return 0n;
  const { unit, amount } = allowance(trial);
  return amount > spent[unit] ? amount - spent[unit] : 0n;
}

/**
 * Divides a piece of use into what still is in the trial and what is billable. `spent` is all that this consumer ever
 * had in trials of this producer. Exact in the unit the trial is measured in; of a piece in which the trial ends, the
 * other two units are all free, so that a piece not cut where the trial ends is never charged for more than one that is.
 */
export function divideAtTrial(trial: Trial | undefined, spent: Use, piece: Use): { trial: Use; billable: Use } {
  const left = trialLeft(trial, spent);
  if (!trial || left === 0n) return { trial: noUse, billable: piece };
  const { unit } = allowance(trial);
  if (piece[unit] <= left) return { trial: piece, billable: noUse };
  return { trial: { ...piece, [unit]: left }, billable: { ...noUse, [unit]: piece[unit] - left } };
}
