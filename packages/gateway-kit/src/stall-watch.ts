const beatMs = 100;

/** A process that did nothing for so long was stopped: frozen with its machine, or kept busy. */
const stallMs = 1_000;

/**
 * Notices that the process was stopped for a while, before it goes on with what came meanwhile: what it knows of the
 * rest of the world may be out of date.
 */
export class StallWatch {
  private beatAt = performance.now();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly onStall: () => void) {
    this.timer = setInterval(() => this.check(), beatMs).unref();
  }

  /** To be called before anything is done that must not be done on old knowledge. */
  check(): void {
    const now = performance.now();
    const stoppedForMs = now - this.beatAt;
    this.beatAt = now;
    if (stoppedForMs > stallMs) this.onStall();
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
