import type { z } from 'zod';

/** A calendar month in UTC, such as `2026-11`: no time zone and no summer time moves its ends. */
export type Month = string & z.$brand<'Month'>;

function isMonth(text: string): text is Month {
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(text);
}

/** Reads `2026-11`; throws a RangeError for anything else. */
export function month(text: string): Month {
  if (!isMonth(text)) throw new RangeError(`"${text.slice(0, 20)}" is not a month such as 2026-11`);
  return text;
}

/** The month an instant lies in. An instant at a month's very end belongs to the next. */
export function monthOf(instant: Date): Month {
  return month(instant.toISOString().slice(0, 7));
}

/** First instant of a month, and first instant of the next. */
export function monthBounds(of: Month): { from: Date; until: Date } {
  const [year = 0, ordinal = 1] = of.split('-').map(Number);
  return { from: new Date(Date.UTC(year, ordinal - 1)), until: new Date(Date.UTC(year, ordinal)) };
}

export function secondsInMonth(of: Month): bigint {
  const { from, until } = monthBounds(of);
  return BigInt((until.getTime() - from.getTime()) / 1_000);
}

/**
 * The seconds that begin from `from` until before `until`, by month. Whole seconds are counted where they begin, so
 * that a time counts the same however it is cut up. A time that ends before it begins, because a clock went back, has none.
 */
export function secondsByMonth(from: Date, until: Date): { month: Month; seconds: bigint }[] {
  const pieces: { month: Month; seconds: bigint }[] = [];
  let start = secondsUpTo(from);
  const end = secondsUpTo(until);
  while (start < end) {
    const current = monthOf(new Date(start * 1_000));
    const stop = Math.min(end, secondsUpTo(monthBounds(current).until));
    pieces.push({ month: current, seconds: BigInt(stop - start) });
    start = stop;
  }
  return pieces;
}

function secondsUpTo(instant: Date): number {
  return Math.ceil(instant.getTime() / 1_000);
}
