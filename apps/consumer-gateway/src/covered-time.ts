import type { Slice } from '@motience/stream-log';

interface Ask {
  readonly fromMs: number;
  /** Whether billing was told of it. */
  isSent: boolean;
  readonly answered: Promise<number>;
  readonly resolve: (coveredFromMs: number) => void;
}

/**
 * Since when the time of a stream is paid for, where credit is counted in time, in ms since 1970 by the clock of Redis;
 * and those who wait for more of it to be. It knows nothing of Redis.
 */
export class CoveredTime {
  /** Undefined while nothing is known of the credit. */
  private fromMs: number | undefined;
  private readonly asks = new Set<Ask>();

  /** Whether something has to be asked for. */
  get isDue(): boolean {
    for (const { isSent } of this.asks) if (!isSent) return true;
    return false;
  }

  /**
   * Resolves with since when it is paid for, once that is as early as `fromMs`, or billing has said that it can be no
   * earlier. Where nothing is counted in time everything is.
   */
  from(fromMs: number): Promise<number> {
    if (this.fromMs !== undefined && this.fromMs <= fromMs) return Promise.resolve(this.fromMs);
    for (const ask of this.asks) if (ask.fromMs <= fromMs) return ask.answered;
    let resolve: Ask['resolve'] = () => {};
    const answered = new Promise<number>((done) => {
      resolve = done;
    });
    this.asks.add({ fromMs, isSent: false, answered, resolve });
    return answered;
  }

  /** Since when it is to be asked for now, each time once; undefined if nothing is. */
  takeAsk(): number | undefined {
    let earliest: number | undefined;
    for (const ask of this.asks) {
      if (ask.isSent) continue;
      ask.isSent = true;
      earliest = Math.min(earliest ?? ask.fromMs, ask.fromMs);
    }
    return earliest;
  }

  /** Redis says how it is now. */
  answer({ unit, state, coveredFromMs, isCoverPending }: Slice): void {
    if (unit === undefined || state === undefined || state === 'closed') {
      this.forget();
      return;
    }
    const fromMs = unit === 'time' ? (coveredFromMs ?? Number.NEGATIVE_INFINITY) : Number.NEGATIVE_INFINITY;
    this.fromMs = fromMs;
    for (const ask of this.asks) {
      const isOver = fromMs <= ask.fromMs || (ask.isSent && !isCoverPending);
      if (!isOver) continue;
      this.asks.delete(ask);
      ask.resolve(fromMs);
    }
  }

  /** Nothing is known of the credit any more: what was asked for is asked for again. */
  forget(): void {
    this.fromMs = undefined;
    for (const ask of this.asks) ask.isSent = false;
  }
}
