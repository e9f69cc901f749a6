/** Shorter pauses are saved up: timers are not that exact. */
const shortestPauseMs = 5;

/** Keeps work by several to a rate, in bytes per ms, that they share. Work that is put off is not made up for. */
export class Pace {
  /** When what was spent is paid for. */
  private paidAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly bytesPerMs: number) {}

  /** Notes that so many bytes were spent just now; how long to pause before spending more, in ms, or 0. */
  spend(bytes: number, nowMs: number): number {
    this.paidAtMs = Math.max(this.paidAtMs, nowMs) + bytes / this.bytesPerMs;
    const pauseMs = this.paidAtMs - nowMs;
    return pauseMs < shortestPauseMs ? 0 : pauseMs;
  }
}
