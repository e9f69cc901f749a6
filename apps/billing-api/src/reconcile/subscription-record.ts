import type { Month, PlanTerms, Use } from '@motience/ledger/pricing';

/** What the record says of a subscription in one month. Amounts are in micro-units of the plan's currency. */
export interface MonthRecord {
  readonly month: Month;
  /** The union of what was delivered, by position, and by time. */
  readonly delivered: Use;
  /** What was metered, and what of it was free. */
  readonly metered: Use;
  readonly free: Use;
  readonly charged: bigint;
  readonly fee: bigint;
  /** What the statements say; undefined where the month is not closed and they are made from what is metered. */
  readonly invoiced: { use: Use; free: Use; charged: bigint; fee: bigint } | undefined;
  /** What was credited for silence on days of the month: what it says, and what was posted for it. */
  readonly credited: bigint;
  readonly creditPosted: bigint;
}

/** All that has to agree of one subscription. */
export interface SubscriptionRecord {
  readonly subscriptionId: bigint;
  /** Undefined for a subscription to a stream that is free without a plan. */
  readonly plan: PlanTerms | undefined;
  readonly feePpm: number;
  /** A day on which what was delivered is not what was metered. */
  readonly differentDay: DifferentDay | undefined;
  /** In ascending order. */
  readonly months: readonly MonthRecord[];
  /** The last month that is closed, whose statements never change. */
  readonly closedThrough: Month | undefined;
  /** What was taken from the consumer, what the producer got and what the platform got, by captures that name it. */
  readonly debited: bigint;
  readonly earned: bigint;
  readonly feePosted: bigint;
  /** What the consumer got back by credits that name it. */
  readonly creditReceived: bigint;
}

export interface DifferentDay {
  readonly day: string;
  readonly delivered: Use;
  readonly metered: Use;
}
