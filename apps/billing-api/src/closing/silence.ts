/** A time in whole seconds since 1970: from the first until before the last. */
export interface Seconds {
  readonly from: number;
  readonly until: number;
}

/** A minute in which something was heard: when it begins, in seconds since 1970, and a bit for each of its seconds. */
export interface HeardMinute {
  readonly minute: number;
  readonly heard: bigint;
}

/**
 * The times within `window` in which a stream was silent for longer than was promised: each begins when it has been silent
 * for `promised` seconds, and ends with the next reading. `heardBefore` is the last second before the window in which
 * something was heard; undefined if nothing ever was. A time does not depend on how windows are cut.
 */
export function excessSilence(
  minutes: readonly HeardMinute[],
  heardBefore: number | undefined,
  promised: number,
  window: Seconds,
): Seconds[] {
  const silences: Seconds[] = [];
  let last = heardBefore ?? Number.NEGATIVE_INFINITY;
  const hear = (second: number) => {
    const from = Math.max(window.from, last + 1 + promised);
    const until = Math.min(window.until, second);
    if (from < until) silences.push({ from, until });
    last = second;
  };
  for (const { minute, heard } of minutes) {
    for (const second of secondsOf(heard, promised)) hear(minute + second);
  }
  hear(window.until);
  return silences;
}

/** The seconds of a minute that matter: where the promise is longer than any gap within it, the first and the last. */
function secondsOf(heard: bigint, promised: number): number[] {
  const early = Number(heard & 0x3fff_ffffn);
  const late = Number(heard >> 30n);
  const seconds: number[] = [];
  for (let second = 0; second < 60; second += 1) {
    const bits = second < 30 ? early : late;
    if ((bits >>> (second % 30)) & 1) seconds.push(second);
  }
  const first = seconds[0];
  const last = seconds.at(-1);
  if (promised < 60 || first === undefined || last === undefined) return seconds;
  return first === last ? [first] : [first, last];
}

/** How many seconds lie in both; each list is in ascending order and does not overlap itself. */
export function secondsInBoth(one: readonly Seconds[], other: readonly Seconds[]): bigint {
  let sum = 0;
  let at = 0;
  for (const { from, until } of one) {
    while (at < other.length && (other[at]?.until ?? 0) <= from) at += 1;
    for (let next = at; next < other.length; next += 1) {
      const piece = other[next];
      if (!piece || piece.from >= until) break;
      sum += Math.min(until, piece.until) - Math.max(from, piece.from);
    }
  }
  return BigInt(sum);
}
