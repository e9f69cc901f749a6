import type { Credit, CreditChange, CreditUnit } from '@motience/stream-log';
import { beforeBeginningMs } from './cover-past.ts';
import { downToSecond, later } from './days.ts';
import type { Budget, Funds } from './funds.ts';
import type { Meter } from './meter.ts';
import { mostWithin } from './most-within.ts';
import { costOfTimes, costOfUnits, readingsAllowed } from './price-credit.ts';

/** Nobody has named the subscription for so long: it is idle. */
const idleMs = 60_000;
/** How often those who receive name it, and a little more. */
export const namedWithinMs = 15_000;
/** Credit is given for so long at the rate it was used lately, and again when half of it is used; half as much again is too much. */
const secondsAhead = 20n;
const timeAheadMs = 30_000;
/** What is given out at first, as far as it costs no more than a tenth of the money that is there. */
const starter = { readings: 1_000n, bytes: 1_000_000n };
/** Of bytes at least so many, so that a reading fits. */
const leastBytes = 20_000n;

export interface CreditQuestion {
  readonly meter: Meter;
  /** As it stands in Redis. */
  readonly credit: Credit;
  /** Of what is reported there: what is settled now. */
  readonly settledUnits: bigint;
  /** Whether a gateway has too little. */
  readonly isWanted: boolean;
  /** Undefined on a free plan. */
  readonly funds: Funds | undefined;
  readonly now: Date;
  /** When a gateway named the subscription last. */
  readonly interestedAt: Date | undefined;
  /** Since when the time up to what is accrued next is paid for; undefined if none of it. */
  readonly coveredFrom: Date | undefined;
}

export interface Decision {
  /** Its `untilMs` and `coveredFromMs` are by the clock of `now`. */
  readonly change: CreditChange | undefined;
  /** What the hold gains, or loses if negative. */
  readonly held: bigint;
}

/**
 * Decides what may be delivered next, and holds the money for it. Afterwards the hold covers whatever can be delivered
 * before the next look, if the change is carried out as well as if it is not: what is taken back stays held until it is
 * seen to be back.
 */
export function decideCredit(question: CreditQuestion): Decision {
  const { meter, now, interestedAt, funds } = question;
  const { endedAt, trial } = meter.facts;
  const isInUse = outstanding(question) > BigInt(question.credit.left);
  const isIdle = !isInUse && !(interestedAt && now.getTime() - interestedAt.getTime() < idleMs);
  if (endedAt || (isIdle && !question.isWanted)) return close(question);
  if (meter.trialTerms) trial.begin(now);
  if (!funds) return open(question, { unit: 'unlimited', units: 0n, stopped: undefined, held: 0n });
  const unit = unitOf(meter, now);
  if (unit === 'time') return openTime(question, funds);
  return openUnits(question, funds, unit);
}

/** Units that are out and not settled. */
function outstanding({ credit, settledUnits }: CreditQuestion): bigint {
  const out = BigInt(credit.left) + BigInt(credit.leased) + BigInt(credit.reported) - settledUnits;
  return out > 0n ? out : 0n;
}

function close(question: CreditQuestion): Decision {
  const { meter, credit, funds } = question;
  const { subscriptionId } = meter.facts;
  const isBack = outstanding(question) === 0n && (credit.state === undefined || credit.state === 'closed');
  if (!isBack) {
    const { unit = 'readings', left } = credit;
    return { change: { subscriptionId, unit, units: -left, state: 'closed', warning: 0 }, held: 0n };
  }
  Object.assign(meter.row, { state: 'idle', reason: null, accruedUntil: null, paidUntil: null, rate: 0n });
  return { change: undefined, held: funds?.hold(subscriptionId, 0n) ?? 0n };
}

/** A trial in readings is counted in readings on every plan. */
function unitOf({ plan, facts: { trial }, trialTerms }: Meter, now: Date): Exclude<CreditUnit, 'unlimited'> {
  const trialEnd = trial.endOf(trialTerms);
  if (trialEnd && now < trialEnd) return 'time';
  if (plan.kind === 'per-time') return trial.readingsLeft(trialTerms) > 0n ? 'readings' : 'time';
  return plan.kind === 'per-megabyte' && trial.readingsLeft(trialTerms) === 0n ? 'bytes' : 'readings';
}

function openTime(question: CreditQuestion, funds: Funds): Decision {
  const { meter, now } = question;
  const { row, facts } = meter;
  const trialEnd = facts.trial.endOf(meter.trialTerms);
  if (meter.plan.kind !== 'per-time') {
    const coveredFrom = trialCover(meter, now);
    return open(question, { unit: 'time', units: 0n, stopped: undefined, held: 0n, until: trialEnd, coveredFrom });
  }
  const accruedUntil = row.accruedUntil ?? now;
  const paidUntil = row.paidUntil ?? now;
  const paidFrom = later(accruedUntil, trialEnd ?? accruedUntil);
  const after = (seconds: bigint) => new Date(paidUntil.getTime() + Number(seconds) * 1_000);
  const costOf = (seconds: bigint) => costOfTimes(meter, [{ from: paidFrom, until: after(seconds) }]);
  const restMs = paidUntil.getTime() - now.getTime();
  const wanted = restMs < timeAheadMs / 2 ? BigInt(Math.ceil((timeAheadMs - restMs) / 1_000)) : 0n;
  const budget = funds.budgetFor(facts.subscriptionId);
  const seconds = mostWithin(wanted, budget.amount, costOf);
  row.accruedUntil = accruedUntil;
  row.paidUntil = after(seconds);
  const stopped = costOf(seconds + 1n) > budget.amount ? budget.reason : undefined;
  const held = funds.hold(facts.subscriptionId, costOf(seconds));
  const coveredFrom = trialCover(meter, now) ?? question.coveredFrom ?? downToSecond(row.accruedUntil);
  return open(question, { unit: 'time', units: 0n, stopped, held, until: row.paidUntil, coveredFrom });
}

/** While a trial of minutes runs, all that was numbered since it began may be had. */
function trialCover({ facts: { trial }, trialTerms }: Meter, now: Date): Date | undefined {
  const end = trial.endOf(trialTerms);
  if (!end || !trial.startedAt || now >= end) return undefined;
  return new Date(trial.startedAt.getTime() - beforeBeginningMs);
}

function openUnits(question: CreditQuestion, funds: Funds, unit: 'readings' | 'bytes'): Decision {
  const { meter, credit, now, isWanted } = question;
  const { subscriptionId, trial } = meter.facts;
  // What is left in another unit is taken back; what of it gateways have is less than a reading's worth, or in the trial.
  const out = credit.unit === unit || credit.unit === undefined ? outstanding(question) : 0n;
  const costOf = (units: bigint) => costOfUnits(meter, unit, units, now);
  const budget = funds.budgetFor(subscriptionId);
  const first = starterOf(unit, budget, costOf);
  // Others that are paid from the same money need some too.
  const ahead = mostWithin(meter.row.rate * secondsAhead, funds.share, costOf);
  const target = ahead > first ? ahead : first;
  let most = out;
  if (out < target / 2n || out === 0n || (out * 2n > target * 3n && !isWanted)) most = target;
  if (isWanted && out + first > most) most = out + first;

  const allowed = readingsAllowed(meter, now);
  const isTrialOnly = unit === 'readings' && (meter.plan.kind === 'per-megabyte' || meter.plan.kind === 'per-time');
  const cap = isTrialOnly ? trial.readingsLeft(meter.trialTerms) : allowed;
  const affordable = mostWithin(cap !== undefined && cap < most ? cap : most, budget.amount, costOf);
  const units = affordable - out;

  const isCapped = cap !== undefined && out >= cap;
  let stopped: string | undefined;
  if (isCapped) stopped = isTrialOnly ? undefined : 'quota-reached';
  else if (costOf(out + 1n) > budget.amount) stopped = budget.reason;

  const needed = costOf(units > 0n ? affordable : out);
  const held = funds.heldFor(subscriptionId);
  const mayRelease = units > 0n || stopped !== undefined || held > (needed * 5n) / 4n;
  const difference = needed > held || mayRelease ? funds.hold(subscriptionId, needed) : 0n;
  return open(question, { unit, units, stopped, held: difference });
}

function starterOf(unit: 'readings' | 'bytes', budget: Budget, costOf: (units: bigint) => bigint): bigint {
  const least = unit === 'bytes' ? leastBytes : 1n;
  const tenth = budget.amount / 10n;
  const atLeast = costOf(least);
  const units = mostWithin(starter[unit], tenth > atLeast ? tenth : atLeast, costOf);
  return units > least ? units : least;
}

interface Opening {
  unit: CreditUnit;
  /** To be added, or taken back if negative. */
  units: bigint;
  /** Why nothing can be added. */
  stopped: string | undefined;
  held: bigint;
  until?: Date | undefined;
  coveredFrom?: Date | undefined;
}

function open(question: CreditQuestion, { unit, units, stopped, held, until, coveredFrom }: Opening): Decision {
  const { meter, credit } = question;
  const { row, facts } = meter;
  const isOtherUnit = credit.unit !== undefined && credit.unit !== unit;
  // Never more than is there, so that what is said to be taken back can be.
  const takenBack = units < 0n ? -Math.min(credit.left, Number(-units)) : Number(units);
  row.state = stopped === undefined ? 'open' : 'stopped';
  row.reason = stopped ?? null;
  const change: CreditChange = {
    subscriptionId: facts.subscriptionId,
    unit,
    units: isOtherUnit ? Number(units) - credit.left : takenBack,
    ...(until && { untilMs: until.getTime() }),
    ...(coveredFrom && { coveredFromMs: coveredFrom.getTime() }),
    ...(credit.toCoverFromMs !== undefined && { answeredCoverMs: credit.toCoverFromMs }),
    state: row.state,
    ...(stopped !== undefined && { reason: stopped }),
    warning: warningOf(question),
  };
  return { change, held };
}

/** Of the money, of the consumer's limits, and of the plan's quota: the one of which least is left. */
function warningOf({ meter, funds, now }: CreditQuestion): 0 | 5 | 20 {
  if (!funds) return 0;
  const { row, facts, plan, trialTerms } = meter;
  const { total } = funds;
  if (total > row.funds || row.fundsPeak === 0n) row.fundsPeak = total > 0n ? total : 0n;
  row.funds = total > 0n ? total : 0n;
  const trialEnd = facts.trial.endOf(trialTerms);
  if (facts.trial.readingsLeft(trialTerms) > 0n || (trialEnd && now < trialEnd)) return 0;
  const percents: bigint[] = [];
  if (row.fundsPeak > 0n) percents.push((row.funds * 100n) / row.fundsPeak);
  const ofLimit = funds.limitPercent(facts.subscriptionId);
  if (ofLimit !== undefined) percents.push(ofLimit);
  const allowed = readingsAllowed(meter, now);
  if (allowed !== undefined && plan.kind === 'monthly') percents.push((allowed * 100n) / BigInt(plan.quota_readings));
  const least = percents.reduce((one, other) => (other < one ? other : one), 100n);
  if (least <= 5n) return 5;
  return least <= 20n ? 20 : 0;
}
