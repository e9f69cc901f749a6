/** Numbers of readings from `from` to `to`, both included: 1, 2, 3 … within one epoch of a stream. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/**
 * A set of numbers in its one compact form: intervals in ascending order that neither overlap nor touch. What was
 * delivered to a subscription in an epoch is such a set, whatever was delivered twice or reported out of order.
 */
export type IntervalSet = readonly Interval[];

export interface Addition {
  /** The set with the interval in it. */
  readonly set: IntervalSet;
  /** What of the interval was not in the set before. */
  readonly added: IntervalSet;
}

/** Adds an interval to a set. Throws a RangeError if it is no interval of numbers from 1 on. */
export function addInterval(set: IntervalSet, interval: Interval): Addition {
  const { from, to } = interval;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 1 || to < from) {
    throw new RangeError(`${from}–${to} is not an interval of numbers from 1 on`);
  }
  const first = indexFrom(set, from - 1);
  const touched: Interval[] = [];
  for (let index = first; index < set.length; index += 1) {
    const known = set[index];
    if (!known || known.from > to + 1) break;
    touched.push(known);
  }
  const merged = {
    from: Math.min(from, touched[0]?.from ?? from),
    to: Math.max(to, touched.at(-1)?.to ?? to),
  };
  return {
    set: set.toSpliced(first, touched.length, merged),
    added: without({ from, to }, touched),
  };
}

/** How many numbers are in a set. */
export function countNumbers(set: IntervalSet): bigint {
  return set.reduce((sum, { from, to }) => sum + BigInt(to) - BigInt(from) + 1n, 0n);
}

/** Index of the first interval that ends at `number` or after it. */
function indexFrom(set: IntervalSet, number: number): number {
  let low = 0;
  let high = set.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((set[middle]?.to ?? number) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What of an interval lies in none of the others, which are in ascending order. */
function without({ from, to }: Interval, others: IntervalSet): IntervalSet {
  const rest: Interval[] = [];
  let next = from;
  for (const other of others) {
    if (other.from > next && next <= to) rest.push({ from: next, to: Math.min(other.from - 1, to) });
    next = Math.max(next, other.to + 1);
  }
  if (next <= to) rest.push({ from: next, to });
  return rest;
}
