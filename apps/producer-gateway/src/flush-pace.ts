/** A call costs Redis, and this process, as much as several readings do, so there are no more than some 1,600 a second. */
const msPerFlush = 0.6;

/**
 * When the flushes of the shards begin: those that are due at the same moment together, and, the more of them there were,
 * the longer the pause after them. A single one hardly waits; where many shards have few readings each, more come together.
 */
export class FlushPace {
  private due: Promise<void> | undefined;
  private waiting = 0;
  private notBefore = Number.NEGATIVE_INFINITY;

  /** Resolves when a flush may begin, after this turn of the event loop. */
  turn(): Promise<void> {
    this.waiting += 1;
    this.due ??= new Promise((resolve) => {
      const begin = () => {
        this.notBefore = performance.now() + this.waiting * msPerFlush;
        this.waiting = 0;
        this.due = undefined;
        resolve();
      };
      const waitMs = this.notBefore - performance.now();
      if (waitMs > 0) setTimeout(begin, Math.ceil(waitMs));
      else setImmediate(begin);
    });
    return this.due;
  }
}
