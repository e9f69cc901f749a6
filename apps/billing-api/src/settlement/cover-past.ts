import type { Seconds } from '../closing/silence.ts';
import { dayOf, downToSecond, earlier, later, startOf, upToSecond } from './days.ts';
import type { Funds } from './funds.ts';
import type { Meter } from './meter.ts';
import { mostWithin } from './most-within.ts';
import { costOfTimes } from './price-credit.ts';

/** What was numbered so shortly before a trial or a subscription began may be had on it: a socket goes on without a hole. */
export const beforeBeginningMs = 10_000;

/** For so long after a day is over its time can still be charged; an hour after it is closed. */
const openAfterDayMs = 50 * 60_000;

/** What is known of the time of a subscription before now. */
export interface PastTimes {
  /** Of the subscription. */
  readonly begunAt: Date;
  /** What was numbered since then may be had with what is paid for from its beginning on. */
  readonly goesOnFrom: Date;
  /** Until then nothing can be charged any more. */
  readonly closedUntil: Date;
  /** What was paid for, or free in a trial, in ascending order and without overlaps. */
  readonly paid: readonly Seconds[];
}

interface PastQuestion {
  readonly meter: Meter;
  readonly past: PastTimes;
  readonly funds: Funds;
  /** Since when it is to be paid for. */
  readonly from: Date;
  readonly now: Date;
}

/**
 * Charges the time from `from` on that was not paid for, on a plan by time, as if it had been received then: whoever
 * resumes receives what was sent in it. The newest first, as far as there is money beside what is held, and back to the
 * beginning of the oldest day that is not about to be closed; with a spending limit, of this day. Gives since when all of
 * it is paid for; undefined where nothing is to be paid for by time.
 */
export function coverPast({ meter, past, funds, from, now }: PastQuestion): Date | undefined {
  const { plan, row, facts, trialTerms } = meter;
  if (plan.kind !== 'per-time' || facts.endedAt || facts.trial.readingsLeft(trialTerms) > 0n) return undefined;
  const { subscriptionId, trial } = facts;
  const trialEnd = trial.endOf(trialTerms);
  // One that has not begun yet does so in this turn.
  const isTrialOver = trialEnd !== undefined && now >= trialEnd;
  if (trialTerms && 'minutes' in trialTerms && !isTrialOver) return undefined;
  const openMs = funds.isLimited(subscriptionId) ? 0 : openAfterDayMs;
  const oldestDay = startOf(dayOf(new Date(now.getTime() - openMs)));
  const oldest = [past.begunAt, past.closedUntil, oldestDay].reduce(later);
  const accruedUntil = row.accruedUntil ?? now;
  const end = upToSecond(accruedUntil);
  const begin = earlier(later(downToSecond(from), upToSecond(oldest)), end);
  const known = knownTimes(meter, past);
  const ahead = { from: later(accruedUntil, trialEnd ?? accruedUntil), until: row.paidUntil ?? accruedUntil };
  const budget = funds.budgetFor(subscriptionId).amount;
  const charged: Piece[] = [];
  let coveredFrom = begin;
  for (const piece of unpaid(secondsOf({ from: begin, until: end }), known)) {
    const tail = (seconds: bigint) => ({ from: instant(piece.until - Number(seconds)), until: instant(piece.until) });
    const costWith = (seconds: bigint) => costOfTimes(meter, [...charged, tail(seconds), ahead]);
    const wanted = BigInt(piece.until - piece.from);
    const seconds = mostWithin(wanted, budget, costWith);
    if (seconds > 0n) charged.push(tail(seconds));
    if (seconds === wanted) continue;
    coveredFrom = instant(piece.until - Number(seconds));
    break;
  }
  for (const piece of charged) meter.chargePast(piece.from, piece.until);
  return coveredFrom <= upToSecond(past.begunAt) ? past.goesOnFrom : coveredFrom;
}

/**
 * Since when all time is paid for, by what gateways were told before: as that said, unless some time since was not paid
 * for, because nobody received it or could. Undefined where nothing is to be paid for by time.
 */
export function stillCovered(meter: Meter, past: PastTimes, told: Date | undefined): Date | undefined {
  const { plan, row } = meter;
  if (plan.kind !== 'per-time' || !row.accruedUntil || !told) return undefined;
  const window = secondsOf({ from: later(told, past.begunAt), until: row.accruedUntil });
  const [newest] = unpaid(window, knownTimes(meter, past));
  // It may be had from the second on in which credit was opened.
  return newest ? later(told, instant(newest.until - 1)) : told;
}

/** What was paid for, also in this turn, and what a trial gives. */
function knownTimes({ times, facts: { trial }, trialTerms }: Meter, past: PastTimes): Seconds[] {
  const known = [...past.paid, ...times.map(secondsOf)];
  const until = trial.endOf(trialTerms);
  if (until && trial.startedAt) {
    known.push(secondsOf({ from: new Date(trial.startedAt.getTime() - beforeBeginningMs), until }));
  }
  return known;
}

interface Piece {
  readonly from: Date;
  readonly until: Date;
}

const instant = (seconds: number) => new Date(seconds * 1_000);

function secondsOf({ from, until }: Piece): Seconds {
  return { from: upToSecond(from).getTime() / 1_000, until: upToSecond(until).getTime() / 1_000 };
}

/** The times within a window that are in none of those that are known, the newest first. */
function unpaid(window: Seconds, known: readonly Seconds[]): Seconds[] {
  const pieces: Seconds[] = [];
  let { until } = window;
  for (const time of known.toSorted((one, other) => other.until - one.until)) {
    if (time.from >= until) continue;
    const from = Math.max(time.until, window.from);
    if (from < until) pieces.push({ from, until });
    until = Math.min(until, time.from);
  }
  if (window.from < until) pieces.push({ from: window.from, until });
  return pieces;
}
