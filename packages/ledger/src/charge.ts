import { type Micros, maxMicros, micros } from './money.ts';
import { type Month, secondsInMonth } from './month.ts';
import type { PlanTerms } from './plan.ts';
import type { Use } from './use.ts';

/** Bytes of the megabyte that is sold. */
const bytesPerMegabyte = 1_000_000n;

/**
 * What one calendar month has cost so far, from all billable use in it so far (after the trial). It never falls as use
 * grows. A charge is rounded once, over the whole month, and down, so that a month costs less than one micro-unit too
 * little, and never too much. The rule of each kind, before the maximum monthly charge:
 *
 * - free: nothing.
 * - per-reading: readings × price. Nothing to round.
 * - per-1000-readings: readings × price / 1,000, rounded down.
 * - per-megabyte: bytes × price / 1,000,000, rounded down.
 * - per-time: seconds × price / seconds of an hour, a day, or this very month, rounded down; a whole month is the price.
 * - monthly: the price, whole, with the month's first reading; past the quota readings × price / 1,000, rounded down.
 *
 * An amount that no account could hold is the largest amount.
 */
export function monthlyCharge(plan: PlanTerms, month: Month, use: Use): Micros {
  if (plan.kind === 'free') return micros(0n);
  const charge = uncapped(plan, month, use);
  const maximum = plan.maximum_monthly_charge ?? maxMicros;
  return micros(charge < maximum ? charge : maximum);
}

function uncapped(plan: Exclude<PlanTerms, { kind: 'free' }>, month: Month, use: Use): bigint {
  switch (plan.kind) {
    case 'per-reading':
      return use.readings * plan.price;
    case 'per-1000-readings':
      return (use.readings * plan.price) / 1_000n;
    case 'per-megabyte':
      return (use.bytes * plan.price) / bytesPerMegabyte;
    case 'per-time':
      return (use.seconds * plan.price) / secondsPer(plan.per, month);
    case 'monthly': {
      if (use.readings === 0n) return 0n;
      const quota = BigInt(plan.quota_readings);
      if (plan.beyond_quota === 'stop' || use.readings <= quota) return plan.price;
      return plan.price + ((use.readings - quota) * plan.beyond_quota.price_per_1000_readings) / 1_000n;
    }
  }
}

function secondsPer(unit: 'hour' | 'day' | 'month', month: Month): bigint {
  if (unit === 'month') return secondsInMonth(month);
  return unit === 'hour' ? 3_600n : 86_400n;
}

/**
 * What use that grew from `before` to `after` within one month costs. Such charges add up to the month's charge however
 * the use is cut up, because each is the difference of two of them.
 */
export function chargeOfIncrement(plan: PlanTerms, month: Month, before: Use, after: Use): Micros {
  return micros(monthlyCharge(plan, month, after) - monthlyCharge(plan, month, before));
}

/** How many readings more may be delivered in a month before the plan stops; undefined for a plan that never does. */
export function readingsUntilStop(plan: PlanTerms, use: Use): bigint | undefined {
  if (plan.kind !== 'monthly' || plan.beyond_quota !== 'stop') return undefined;
  const quota = BigInt(plan.quota_readings);
  return quota > use.readings ? quota - use.readings : 0n;
}

/**
 * The platform's part of a charge, rounded down; the producer earns the rest. Like the charge it is for a month's whole:
 * what an increment adds to it is the difference before and after.
 */
export function platformFee(charge: Micros, partsPerMillion: number): Micros {
  return micros((charge * BigInt(partsPerMillion)) / 1_000_000n);
}
