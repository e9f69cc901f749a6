import {
  addUse,
  chargeOfIncrement,
  type Micros,
  type Month,
  micros,
  monthOf,
  noUse,
  type PlanTerms,
  platformFee,
  type Use,
} from '@motience/ledger/pricing';
import { dayOf, earlier, later, monthOfDay, secondsByDay, upToSecond } from './days.ts';
import { mostWithin } from './most-within.ts';
import type { TrialState } from './trial.ts';

/** What pays for what a meter charges. */
export interface Purse {
  /** What can be charged to the subscription now. */
  payableFor(subscriptionId: string): bigint;
  /** Takes a charge for a day that can be paid. */
  take(subscriptionId: string, charge: bigint, day: string): void;
}

/** What a subscription used in a month, as far as it has to be paid, and what that cost. */
export interface MonthTotal {
  readonly billable: Use;
  readonly charged: bigint;
}

/** What a turn adds to a subscription's day. */
export interface DayUse {
  readonly use: Use;
  readonly free: Use;
  readonly charged: bigint;
  readonly fee: bigint;
}

/** A meter as `subscription_meters` has it, or as it begins. */
export interface MeterRow {
  feePpm: number;
  state: 'idle' | 'open' | 'stopped';
  reason: string | null;
  settledAt: Date;
  accruedUntil: Date | null;
  paidUntil: Date | null;
  rate: bigint;
  funds: bigint;
  fundsPeak: bigint;
}

export interface MeterFacts {
  readonly subscriptionId: string;
  readonly consumerId: bigint;
  readonly producerId: bigint;
  /** When the subscription ended. */
  readonly endedAt: Date | undefined;
  readonly plan: PlanTerms;
  readonly trial: TrialState;
  readonly months: ReadonlyMap<Month, MonthTotal>;
  readonly row: MeterRow;
}

/** A time that was charged for, or free in a trial: whole seconds, from the first instant until before the last. */
export interface ChargedTime {
  readonly from: Date;
  readonly until: Date;
  readonly inTrial: boolean;
}

const noDay: DayUse = { use: noUse, free: noUse, charged: 0n, fee: 0n };

/** What one subscription used and has to pay for it, during one turn of settlement. */
export class Meter {
  readonly row: MeterRow;
  /** What this turn adds, by day. */
  readonly days = new Map<string, DayUse>();
  /** The time it charges. */
  readonly times: ChargedTime[] = [];
  private readonly months: Map<Month, MonthTotal>;
  private purse: Purse | undefined;

  constructor(readonly facts: MeterFacts) {
    this.row = { ...facts.row };
    this.months = new Map(facts.months);
  }

  /** Says what its charges are paid from; without it nothing can be. */
  payFrom(purse: Purse | undefined): void {
    this.purse = purse;
  }

  get plan(): PlanTerms {
    return this.facts.plan;
  }

  get trialTerms() {
    return 'trial' in this.plan ? this.plan.trial : undefined;
  }

  /** The time that use told at `at` is charged for: never before what was charged last, nor in the future. */
  timeOf(at: Date, now: Date): Date {
    return later(this.row.settledAt, earlier(at, now));
  }

  /** What the month cost and used so far. */
  monthOf(month: Month): MonthTotal {
    return this.months.get(month) ?? { billable: noUse, charged: 0n };
  }

  /** All that this turn charges. */
  get charge(): Micros {
    return micros([...this.days.values()].reduce((sum, { charged }) => sum + charged, 0n));
  }

  /** The platform's part of that. */
  get fee(): Micros {
    return micros([...this.days.values()].reduce((sum, { fee }) => sum + fee, 0n));
  }

  /** Whether anything of it has to be written. */
  get hasChanged(): boolean {
    const { row } = this.facts;
    return (
      this.days.size > 0 ||
      this.facts.trial.hasChanged ||
      this.row.state !== row.state ||
      this.row.reason !== row.reason ||
      this.row.settledAt.getTime() !== row.settledAt.getTime() ||
      this.row.accruedUntil?.getTime() !== row.accruedUntil?.getTime() ||
      this.row.paidUntil?.getTime() !== row.paidUntil?.getTime() ||
      this.row.rate !== row.rate ||
      this.row.funds !== row.funds ||
      this.row.fundsPeak !== row.fundsPeak
    );
  }

  /**
   * Charges what was delivered for the first time, as far as it can be paid: nobody comes to owe for use. `spent`: the units
   * of credit that were used up for it.
   */
  addDelivery(at: Date, delivered: { readings: bigint; bytes: bigint }, spent: bigint): void {
    if (delivered.readings === 0n) return;
    const use = { ...noUse, ...delivered };
    const counted = this.plan.kind === 'per-time' ? undefined : { unit: this.unit, units: spent };
    const { free, billable } = this.facts.trial.divide(this.trialTerms, at, use, counted);
    const covered = this.coveredOf(dayOf(at), billable);
    const given = {
      ...billable,
      readings: billable.readings - covered.readings,
      bytes: billable.bytes - covered.bytes,
    };
    this.facts.trial.give(at, given);
    this.add(dayOf(at), use, addUse(free, given), covered);
    this.row.settledAt = later(this.row.settledAt, at);
  }

  /**
   * On a plan by time, charges the time up to `until`, as far as it was paid for in advance; what is in a trial of
   * minutes is free.
   */
  accrueUntil(until: Date): void {
    const { accruedUntil, paidUntil } = this.row;
    if (!accruedUntil || !paidUntil) return;
    const end = earlier(until, paidUntil);
    if (end <= accruedUntil) return;
    const trialEnd = earlier(this.facts.trial.endOf(this.trialTerms) ?? accruedUntil, end);
    const paidFrom = later(trialEnd, accruedUntil);
    for (const [from, to, inTrial] of [
      [accruedUntil, paidFrom, true],
      [paidFrom, end, false],
    ] as const) {
      const pieces = secondsByDay(from, to);
      for (const { day, seconds } of pieces) {
        const use = { ...noUse, seconds };
        const isFree = inTrial || this.costOf(day, use) > this.payable;
        this.add(day, use, isFree ? use : noUse, isFree ? noUse : use);
      }
      if (pieces.length > 0) this.times.push({ from: upToSecond(from), until: upToSecond(to), inTrial });
    }
    this.row.accruedUntil = end;
    this.row.settledAt = later(this.row.settledAt, end);
  }

  /** On a plan by time, charges whole seconds of the past that nobody has paid for, and for which there is money. */
  chargePast(from: Date, until: Date): void {
    const pieces = secondsByDay(from, until);
    for (const { day, seconds } of pieces) this.add(day, { ...noUse, seconds }, noUse, { ...noUse, seconds });
    if (pieces.length > 0) this.times.push({ from, until, inTrial: false });
  }

  /**
   * The part of it that there is money for. All of it, unless it was delivered on credit that nothing is held for any more:
   * Redis has lost it, a month has ended since, or a trial. The producer is not paid for the rest, and nobody owes it.
   */
  private coveredOf(day: string, billable: Use): Use {
    const { unit } = this;
    const partOf = (units: bigint): Use => ({ ...billable, [unit]: units });
    return partOf(mostWithin(billable[unit], this.payable, (units) => this.costOf(day, partOf(units))));
  }

  /** What its plan counts, if not time. */
  private get unit(): 'readings' | 'bytes' {
    return this.plan.kind === 'per-megabyte' ? 'bytes' : 'readings';
  }

  private get payable(): bigint {
    return this.purse?.payableFor(this.facts.subscriptionId) ?? 0n;
  }

  /** What so much more use costs on a day. */
  private costOf(day: string, more: Use): Micros {
    const month = monthOfDay(day);
    const { billable } = this.monthOf(month);
    return chargeOfIncrement(this.plan, month, billable, addUse(billable, more));
  }

  private add(day: string, use: Use, free: Use, billable: Use): void {
    const month = monthOfDay(day);
    const before = this.monthOf(month);
    const charge = this.costOf(day, billable);
    this.purse?.take(this.facts.subscriptionId, charge, day);
    const { feePpm } = this.row;
    const charged = before.charged + charge;
    const fee = platformFee(micros(charged), feePpm) - platformFee(micros(before.charged), feePpm);
    this.months.set(month, { billable: addUse(before.billable, billable), charged });
    const known = this.days.get(day) ?? noDay;
    this.days.set(day, {
      use: addUse(known.use, use),
      free: addUse(known.free, free),
      charged: known.charged + charge,
      fee: known.fee + fee,
    });
  }

  /** What the current month cost and used so far. */
  thisMonth(now: Date): MonthTotal {
    return this.monthOf(monthOf(later(now, this.row.settledAt)));
  }
}
