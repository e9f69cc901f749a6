import { type Month, month, monthBounds, monthOf } from '@motience/ledger/pricing';

const dayMs = 86_400_000;

/** The day (UTC) an instant lies in: `2026-11-30`. */
export function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}

/** The month of a day. */
export function monthOfDay(day: string): Month {
  return monthOf(startOf(day));
}

/** First instant of a day (UTC) such as `2026-11-30`. */
export function startOf(day: string): Date {
  return new Date(`${day}T00:00:00Z`);
}

/** The day that begins `days` later. */
export function addDays(day: string, days: number): string {
  return new Date(startOf(day).getTime() + days * dayMs).toISOString().slice(0, 10);
}

/** The days from one to another, both included. */
export function daysBetween(first: string, last: string): string[] {
  const days: string[] = [];
  for (let day = first; day <= last; day = addDays(day, 1)) days.push(day);
  return days;
}

export function lastDayOf(of: Month): string {
  return addDays(monthBounds(of).until.toISOString().slice(0, 10), -1);
}

/** The last month that is over when a day is. */
export function lastMonthEndedBy(day: string): Month {
  const [year = 0, ordinal = 1] = addDays(day, 1).split('-').map(Number);
  return month(new Date(Date.UTC(year, ordinal - 2)).toISOString().slice(0, 7));
}

/**
 * The seconds that begin from `from` until before `until`, by day. Whole seconds are counted where they begin, so that a
 * time counts the same however it is cut up.
 */
export function secondsByDay(from: Date, until: Date): { day: string; seconds: bigint }[] {
  const pieces: { day: string; seconds: bigint }[] = [];
  let start = upToSecond(from).getTime();
  const end = upToSecond(until).getTime();
  while (start < end) {
    const stop = Math.min(end, (Math.floor(start / dayMs) + 1) * dayMs);
    pieces.push({ day: dayOf(new Date(start)), seconds: BigInt((stop - start) / 1_000) });
    start = stop;
  }
  return pieces;
}

/** The first whole second that begins then or after. */
export function upToSecond(instant: Date): Date {
  return new Date(Math.ceil(instant.getTime() / 1_000) * 1_000);
}

/** The whole second it lies in. */
export function downToSecond(instant: Date): Date {
  return new Date(Math.floor(instant.getTime() / 1_000) * 1_000);
}

export function later(one: Date, other: Date): Date {
  return one > other ? one : other;
}

export function earlier(one: Date, other: Date): Date {
  return one < other ? one : other;
}
