import {
  addUse,
  chargeOfIncrement,
  type Month,
  monthBounds,
  monthlyCharge,
  monthOf,
  noUse,
  readingsUntilStop,
  secondsByMonth,
  type Use,
} from '@motience/ledger/pricing';
import { later } from './days.ts';
import type { Meter } from './meter.ts';

/** Credit that is given out so shortly before a month ends may be used, and charged, in the next. */
const monthTurnMs = 120_000;

/** What units of credit that are out can cost at most, in micro-units. */
export function costOfUnits(meter: Meter, unit: 'readings' | 'bytes', units: bigint, now: Date): bigint {
  if (units <= 0n) return 0n;
  const use = useOf(meter, unit, units);
  const at = later(now, meter.row.settledAt);
  const month = monthOf(at);
  const { billable } = meter.monthOf(month);
  const cost = chargeOfIncrement(meter.plan, month, billable, addUse(billable, use));
  const { until } = monthBounds(month);
  if (until.getTime() - at.getTime() > monthTurnMs) return cost;
  return cost + monthlyCharge(meter.plan, monthOf(until), use);
}

/** What of the units has to be paid for. A plan by time costs nothing for what is delivered. */
function useOf(meter: Meter, unit: 'readings' | 'bytes', units: bigint): Use {
  if (unit === 'bytes') return { ...noUse, bytes: units };
  const free = meter.facts.trial.readingsLeft(meter.trialTerms);
  return { ...noUse, readings: units > free ? units - free : 0n };
}

/** What times, each from an instant until another, cost together. */
export function costOfTimes(meter: Meter, times: readonly { from: Date; until: Date }[]): bigint {
  const months = new Map<Month, bigint>();
  for (const { from, until } of times) {
    for (const { month, seconds } of secondsByMonth(from, until)) {
      months.set(month, (months.get(month) ?? 0n) + seconds);
    }
  }
  let cost = 0n;
  for (const [month, seconds] of months) {
    const { billable } = meter.monthOf(month);
    cost += chargeOfIncrement(meter.plan, month, billable, addUse(billable, { ...noUse, seconds }));
  }
  return cost;
}

/** How many more readings the plan allows in this month, the trial's included; undefined if it has no end. */
export function readingsAllowed(meter: Meter, now: Date): bigint | undefined {
  const left = readingsUntilStop(meter.plan, meter.thisMonth(now).billable);
  return left === undefined ? undefined : left + meter.facts.trial.readingsLeft(meter.trialTerms);
}
