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
import type { TrialState } from './trial.ts';

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

  constructor(readonly facts: MeterFacts) {
    this.row = { ...facts.row };
    this.months = new Map(facts.months);
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

  /** Charges what was delivered for the first time. */
  addDelivery(at: Date, delivered: { readings: bigint; bytes: bigint }): void {
    if (delivered.readings === 0n) return;
    const use = { ...noUse, ...delivered };
    const { free, billable } = this.facts.trial.divide(this.trialTerms, at, use);
    this.add(dayOf(at), use, free, billable);
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
        this.add(day, use, inTrial ? use : noUse, inTrial ? noUse : use);
      }
      if (pieces.length > 0) this.times.push({ from: upToSecond(from), until: upToSecond(to), inTrial });
    }
    this.row.accruedUntil = end;
    this.row.settledAt = later(this.row.settledAt, end);
  }

  private add(day: string, use: Use, free: Use, billable: Use): void {
    const month = monthOfDay(day);
    const before = this.monthOf(month);
    const after = addUse(before.billable, billable);
    const charge = chargeOfIncrement(this.plan, month, before.billable, after);
    const { feePpm } = this.row;
    const charged = before.charged + charge;
    const fee = platformFee(micros(charged), feePpm) - platformFee(micros(before.charged), feePpm);
    this.months.set(month, { billable: after, charged });
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
