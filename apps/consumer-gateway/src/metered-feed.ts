import type { Position } from '@motience/stream-log';
import { DeliveredLog, type Totals } from './delivered-log.ts';
import type { SubscriptionMeter } from './subscription-meter.ts';

/** One who receives a feed on a subscription that is metered. */
export interface FeedReceiver {
  /** Nothing more may be sent: it stands at `at`, and waits at its meter until there is credit for what it lacks. */
  stop(at: Position, lack: Totals): void;
}

/** What one subscription receives of a feed. */
export interface Use {
  readonly feed: MeteredFeed;
  readonly meter: SubscriptionMeter;
  readonly receivers: Set<FeedReceiver>;
  /** Totals of the feed beyond which it has no credit. */
  mostReadings: number;
  mostBytes: number;
  /** Up to here it was reported. */
  reported: Totals;
  /** What has gone out and waits in the buffer of a socket, in pieces. */
  pieces: number;
  /** Where the feed stood when the last of its receivers left. */
  end: Totals | undefined;
}

/** Counts turns of the loop in which something went out; what went out in the present one may not have been sent yet. */
export class TurnClock {
  turn = 1;
  private isDue = false;

  /** Something went out: the turn is over when all that was to be sent in it was. */
  begin(): number {
    if (!this.isDue) {
      this.isDue = true;
      setImmediate(() =>
        setImmediate(() => {
          this.isDue = false;
          this.turn += 1;
        }),
      );
    }
    return this.turn;
  }
}

/** What goes out to all who receive the same, and how far the credit of the metered ones among them reaches. */
export class MeteredFeed {
  readonly log = new DeliveredLog();
  private readonly uses = new Map<SubscriptionMeter, Use>();
  /** Whether a batch is going out that is added when all of it has. */
  isPublishing = false;
  private settled: Totals = this.log.totals;
  private turn = 0;
  private mostReadings = Number.POSITIVE_INFINITY;
  private mostBytes = Number.POSITIVE_INFINITY;
  private expiresAt = Number.POSITIVE_INFINITY;

  constructor(private readonly clock: TurnClock) {}

  get isEmpty(): boolean {
    return this.uses.size === 0;
  }

  /** What has certainly been handed to the sockets. */
  get settledTotals(): Totals {
    return this.turn === this.clock.turn ? this.settled : this.log.totals;
  }

  /** Whether everybody has credit for so much more. */
  covers(readings: number, bytes: number): boolean {
    const { log } = this;
    return (
      log.readingCount + readings <= this.mostReadings &&
      log.byteCount + bytes <= this.mostBytes &&
      (this.expiresAt === Number.POSITIVE_INFINITY || performance.now() < this.expiresAt)
    );
  }

  /** Whether everybody has, or gets, credit for so much more. */
  takes(readings: number, bytes: number): boolean {
    if (this.covers(readings, bytes)) return true;
    let all = true;
    for (const use of this.uses.values()) if (!use.meter.take(use, readings, bytes)) all = false;
    this.lookAtLimits();
    return all;
  }

  /** Stops those who have no credit for so much more, at a position. */
  stopShort(readings: number, bytes: number, at: Position): void {
    if (this.takes(readings, bytes)) return;
    for (const use of [...this.uses.values()]) {
      if (use.meter.take(use, readings, bytes)) continue;
      for (const receiver of [...use.receivers]) receiver.stop(at, { readings, bytes });
    }
    this.lookAtLimits();
  }

  /** Readings are going out, which are added when all of them have. */
  begin(): void {
    this.isPublishing = true;
  }

  /** Readings went out to everybody. */
  add(epoch: string, from: number, to: number, bytesBefore: number, bytesThrough: number): void {
    if (this.turn !== this.clock.turn) {
      this.settled = this.log.totals;
      this.turn = this.clock.begin();
    }
    this.isPublishing = false;
    this.log.add(epoch, from, to, bytesBefore, bytesThrough);
  }

  join(meter: SubscriptionMeter, receiver: FeedReceiver): Use {
    const { totals } = this.log;
    let use = this.uses.get(meter);
    if (!use) {
      use = {
        feed: this,
        meter,
        receivers: new Set(),
        mostReadings: totals.readings,
        mostBytes: totals.bytes,
        reported: totals,
        pieces: 0,
        end: undefined,
      };
      this.uses.set(meter, use);
      meter.addUse(use);
    }
    use.receivers.add(receiver);
    this.lookAtLimits();
    return use;
  }

  leave(use: Use, receiver: FeedReceiver): void {
    use.receivers.delete(receiver);
    if (use.receivers.size > 0 || use.end) return;
    this.uses.delete(use.meter);
    use.meter.endUse(use, this.log.totals);
    this.lookAtLimits();
  }

  /** To be called when the credit of a use has changed. */
  lookAtLimits(): void {
    this.mostReadings = this.mostBytes = this.expiresAt = Number.POSITIVE_INFINITY;
    for (const { mostReadings, mostBytes, meter } of this.uses.values()) {
      this.mostReadings = Math.min(this.mostReadings, mostReadings);
      this.mostBytes = Math.min(this.mostBytes, mostBytes);
      this.expiresAt = Math.min(this.expiresAt, meter.expiresAt);
    }
  }
}
