import { type Month, month, monthBounds } from '@motience/ledger/pricing';

const dayMs = 86_400_000;

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
