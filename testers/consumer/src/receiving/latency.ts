const kept = 101;

/** The middle of the last hundred latencies: one late reading does not move it. */
export class LatencyMeter {
  readonly #recent: number[] = [];
  #next = 0;

  add(milliseconds: number): void {
    this.#recent[this.#next] = milliseconds;
    this.#next = (this.#next + 1) % kept;
  }

  /** Undefined before the first. */
  get median(): number | undefined {
    const sorted = [...this.#recent].sort((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 2)];
  }
}

/** From a reading's `timestamp` until now; undefined for a time `Date` cannot tell, such as a leap second. */
export function latencyOf(timestamp: string, nowMs: number): number | undefined {
  const sent = Date.parse(timestamp.replace(' ', 'T'));
  return Number.isNaN(sent) ? undefined : nowMs - sent;
}
