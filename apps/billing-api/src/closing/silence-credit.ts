import {
  type Micros,
  type Month,
  micros,
  monthlyCharge,
  type PlanTerms,
  secondsInMonth,
  type Use,
} from '@motience/ledger/pricing';

/** A month of a subscription, as far as a day that is over. */
export interface MonthSoFar {
  readonly month: Month;
  /** What had to be paid for. */
  readonly billable: Use;
  readonly charged: bigint;
  /** Of the time that was paid for, the seconds in which the stream was silent for longer than promised. */
  readonly silentSeconds: bigint;
  /** What was credited for days before. */
  readonly credited: bigint;
}

/** Whether a plan is one whose silences are credited: those that sell time, by the second or by the month. */
export function sellsTime(plan: PlanTerms): boolean {
  return plan.kind === 'per-time' || plan.kind === 'monthly';
}

/**
 * What is to be credited for a month so far, beside what was credited before. On a plan by time: what the month costs more
 * because of the silent seconds. On a monthly one: their part of the month's price, once that was charged, rounded down.
 * What was credited is never taken back.
 */
export function silenceCredit(plan: PlanTerms, so: MonthSoFar): Micros {
  const due = dueFor(plan, so);
  return micros(due > so.credited ? due - so.credited : 0n);
}

function dueFor(plan: PlanTerms, { month, billable, charged, silentSeconds }: MonthSoFar): bigint {
  if (plan.kind === 'per-time') {
    const heard = billable.seconds > silentSeconds ? billable.seconds - silentSeconds : 0n;
    return monthlyCharge(plan, month, billable) - monthlyCharge(plan, month, { ...billable, seconds: heard });
  }
  if (plan.kind !== 'monthly' || charged === 0n) return 0n;
  const { price, maximum_monthly_charge: maximum } = plan;
  const paid = maximum !== undefined && maximum < price ? maximum : price;
  return (paid * silentSeconds) / secondsInMonth(month);
}
