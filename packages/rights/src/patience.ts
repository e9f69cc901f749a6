/** Redis did not answer in time; what it was told may still happen. */
export class RedisOverdue extends Error {
  override readonly name = 'RedisOverdue';
}

/**
 * Puts a deadline on work on a connection that itself waits for Redis to come back. Work given up on still happens
 * once Redis is back, perhaps after something newer: so while any is outstanding nothing else is begun, and when it
 * has settled its `onLate` is called, to put right what it may have overwritten.
 */
export class Patience {
  private outstanding = 0;

  constructor(private readonly deadlineMs: number) {}

  /** Whether work that was given up on has not settled yet. */
  get isExhausted(): boolean {
    return this.outstanding > 0;
  }

  /** Runs `work` and throws `RedisOverdue` if it takes longer than the deadline, or at once if other work is overdue. */
  async run<Result>(work: () => Promise<Result>, onLate: () => void): Promise<Result> {
    if (this.isExhausted) throw new RedisOverdue('Redis is still busy with something older');
    const running = work();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.outstanding += 1;
        const settle = () => {
          this.outstanding -= 1;
          onLate();
        };
        running.then(settle, settle);
        reject(new RedisOverdue(`Redis did not answer within ${this.deadlineMs} ms`));
      }, this.deadlineMs);
    });
    try {
      return await Promise.race([running, deadline]);
    } finally {
      clearTimeout(timer);
    }
  }
}
