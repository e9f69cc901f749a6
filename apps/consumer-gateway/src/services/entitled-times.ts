/** A time during which a consumer had an active subscription, in ms since 1970: `fromMs` included, `toMs` not. */
export interface EntitledTime {
  fromMs: number;
  /** Undefined: it goes on. */
  toMs: number | undefined;
}

/** The same times, ascending, with those joined that overlap or touch, and without empty ones. */
export function joinTimes(times: readonly EntitledTime[]): EntitledTime[] {
  const joined: EntitledTime[] = [];
  for (const { fromMs, toMs } of times.toSorted((one, other) => one.fromMs - other.fromMs)) {
    if (toMs !== undefined && toMs <= fromMs) continue;
    const last = joined.at(-1);
    if (last === undefined || (last.toMs !== undefined && last.toMs < fromMs)) joined.push({ fromMs, toMs });
    else last.toMs = last.toMs === undefined || toMs === undefined ? undefined : Math.max(last.toMs, toMs);
  }
  return joined;
}

/** Whether a moment lies in one of the times, which are as `joinTimes` leaves them. */
export function isEntitled(times: readonly EntitledTime[], atMs: number): boolean {
  let low = 0;
  let high = times.length;
  // All before `low` begin at or before the moment, all from `high` on after it.
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle]?.fromMs ?? 0) <= atMs) low = middle + 1;
    else high = middle;
  }
  const last = low > 0 ? times[low - 1] : undefined;
  return last !== undefined && (last.toMs === undefined || atMs < last.toMs);
}
