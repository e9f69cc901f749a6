import { earlier, later } from './days.ts';
import { namedWithinMs } from './decide-credit.ts';
import type { Meter } from './meter.ts';

/** Charges the time of a plan by time, while somebody receives it. */
export function accrue(meter: Meter, now: Date, interestedAt: Date | undefined): void {
  const { row, facts } = meter;
  if (!row.accruedUntil || !row.paidUntil) return;
  const named = interestedAt ? new Date(interestedAt.getTime() + namedWithinMs) : row.accruedUntil;
  const end = [now, named, facts.endedAt ?? now].reduce(earlier);
  meter.accrueUntil(end);
  // Time in which nobody received it, or nobody could, costs nothing.
  if (end < now || row.paidUntil < now) {
    row.accruedUntil = later(row.accruedUntil, now);
    row.paidUntil = later(row.paidUntil, row.accruedUntil);
  }
}
