import type { DeliveredSpan, Position, ReceptionPlace } from '@motience/stream-log';
import type { Totals } from './delivered-log.ts';
import type { FeedReceiver, MeteredFeed, Use } from './metered-feed.ts';
import type { PieceOwner } from './sent-pieces.ts';
import type { SocketMeter } from './socket-meter.ts';
import type { CreditListener, SubscriptionMeter } from './subscription-meter.ts';

/** What the other end said it had when the reception began, whose report may have been lost with a gateway. */
export interface Claim extends Position {
  /** Running total of the epoch's bytes there. */
  bytes: number;
}

export interface MeteringContext {
  /** Where a reception stands has changed, and is to be written down. */
  moved(reception: MeteredReception): void;
  /** What went out before the reception began may not have been reported. */
  claimed(meter: SubscriptionMeter, claim: Claim): void;
}

/** One who receives a stream that is metered. */
export interface MeteredReceiver extends CreditListener {
  /** Nothing more may be sent: it leaves its feed, stands at `at`, and waits until it may go on. */
  stop(at: Position): void;
}

/** One stream on one socket, as it is metered for one subscription. */
export class MeteredReception implements PieceOwner, FeedReceiver {
  private tap: { use: Use; mark: Totals } | undefined;
  /** What it has stopped before, until it was sent something. */
  lack: Totals | undefined;
  /** Where everything is reported. */
  private reported: { epoch: string; seq: number; bytes: number } | undefined;
  private pieces = 0;
  /** Of a stream that was narrowed nobody can tell from a position what came before it. */
  private isWhole = false;
  private hasEnded = false;
  private hasLost = false;
  /** Whether its place stands in Redis. */
  isWritten = false;

  constructor(
    readonly meter: SubscriptionMeter,
    private readonly socket: SocketMeter,
    readonly receiver: MeteredReceiver,
    /** Unique in this gateway. */
    readonly name: string,
    private readonly context: MeteringContext,
    /** The position that it began after, as the other end said. */
    private claim: Position | undefined,
  ) {
    socket.receptions.add(this);
    meter.receptions.add(this);
  }

  /** Whether it may be sent what comes next, as far as that is known. */
  get hasCredit(): boolean {
    return this.meter.hasCreditFor(this.lack);
  }

  /** Whether it would wait for that in vain. */
  get isStopped(): boolean {
    return this.meter.isStoppedFor(this.lack);
  }

  /** Whether something that has not been reported may have gone out. */
  get owes(): boolean {
    return !this.hasEnded || this.pieces > 0 || this.hasLost;
  }

  /** Begins to receive what goes out on a feed; `isWhole`: all of the stream. */
  join(feed: MeteredFeed, isWhole: boolean): void {
    this.leave();
    this.isWhole = isWhole;
    this.tap = { use: feed.join(this.meter, this), mark: feed.log.totals };
  }

  /** Receives nothing more from its feed. To be called once the socket has been handed all before. */
  leave(): void {
    if (!this.tap) return;
    if (this.tap.use.feed.isPublishing) this.hasLost = true;
    this.note(this.tap.use.feed.log.totals);
    const { use } = this.tap;
    this.tap = undefined;
    use.feed.leave(use, this);
  }

  /** The same where the socket may not have been handed what went out last. */
  private leaveUnsettled(): void {
    if (!this.tap) return;
    const { use } = this.tap;
    const { settledTotals } = use.feed;
    if (use.feed.isPublishing || settledTotals.readings < use.feed.log.readingCount) this.hasLost = true;
    this.note(settledTotals);
    this.tap = undefined;
    use.feed.leave(use, this);
  }

  stop(at: Position, lack: Totals): void {
    this.lack = lack;
    this.receiver.stop(at);
  }

  /** It no longer waits before what it has stopped before. */
  forgetLack(): void {
    this.lack = undefined;
  }

  /** Notes what went out since; the feed that it came from. */
  collect(): MeteredFeed | undefined {
    if (!this.tap) return undefined;
    const { feed } = this.tap.use;
    if (feed.settledTotals.readings > this.tap.mark.readings) this.forgetLack();
    this.note(feed.settledTotals);
    return feed;
  }

  end(isHandedAll = false): void {
    this.meter.receptions.delete(this);
    if (isHandedAll) this.leave();
    else this.leaveUnsettled();
    this.hasEnded = true;
    this.socket.receptions.delete(this);
    this.context.moved(this);
  }

  left({ use, spans, through }: { use: Use; spans: DeliveredSpan[]; through: Totals }): void {
    this.pieces -= 1;
    this.meter.report(use, spans, through);
    const last = spans.at(-1);
    if (last) this.reported = { epoch: last.epoch, seq: last.to, bytes: last.bytesThrough };
    this.context.moved(this);
  }

  lost(): void {
    this.pieces -= 1;
    this.hasLost = true;
    this.context.moved(this);
  }

  /** Where it stands, for whoever has to find out what was not reported; undefined if there is nothing to find out. */
  place(): ReceptionPlace | undefined {
    if (!this.reported || !this.owes || !this.isWhole) return undefined;
    const { unit, holds, wants } = this.meter;
    const most = holds + wants;
    return {
      ...this.reported,
      mostReadings: unit === 'readings' ? most : Number.MAX_SAFE_INTEGER,
      mostBytes: unit === 'bytes' ? most : Number.MAX_SAFE_INTEGER,
      hasEnded: this.hasEnded && this.pieces === 0,
    };
  }

  private note(through: Totals): void {
    const { tap } = this;
    if (!tap || through.readings <= tap.mark.readings) return;
    const spans = tap.use.feed.log.between(tap.mark, through);
    tap.mark = through;
    this.noteStart(spans[0]);
    if (this.socket.pieces.add(this, tap.use, spans, through)) this.pieces += 1;
  }

  /** The total of bytes at the position it began after is known once what follows it went out. */
  private noteStart(first: DeliveredSpan | undefined): void {
    if (!first) return;
    if (this.claim?.epoch === first.epoch && this.claim.seq === first.from - 1) {
      this.context.claimed(this.meter, { ...this.claim, bytes: first.bytesBefore });
    }
    this.claim = undefined;
    this.reported ??= { epoch: first.epoch, seq: first.from - 1, bytes: first.bytesBefore };
  }
}
