import { type EventStream, type Expiry, errorFrame, type OpenAccount, type OpenSocket } from '@motience/gateway-kit';
import { type ConsumerDownFrame, eventId, type Refusal } from '@motience/protocol';
import type { Position } from '@motience/stream-log';
import { CatchUp } from './catch-up.ts';
import type { EntitledPast } from './entitled-past.ts';
import type { EventWish } from './event-wish.ts';
import { frameOfEvent } from './frame-of-event.ts';
import type { LiveStream } from './live-stream.ts';
import type { MeteredFeed } from './metered-feed.ts';
import type { MeteredReceiver, MeteredReception } from './metered-reception.ts';
import type { Meters } from './meters.ts';
import { isEverything } from './narrowing.ts';
import { AheadRoom } from './past-ahead.ts';
import { SocketMeter } from './socket-meter.ts';
import type { StreamTable } from './stream-table.ts';
import type { ReadingPlace } from './thinning.ts';

/** One open event stream: where its account and the wire meet. */
export class EventConnection implements OpenSocket, MeteredReceiver {
  warnedOfExpiry = false;
  sent = 0;
  private readonly meter: SocketMeter;
  private catchUp: CatchUp | undefined;
  /** Undefined while what it receives is not metered. */
  private metered: MeteredReception | undefined;
  /** Where it waits, for credit or to begin; undefined while it does not. */
  private heldAt: Position | undefined;
  private isToldStopped = false;
  private onCredit = () => {};
  private isBegun = false;
  /** Where the last event has led the other end. */
  private told: Position | undefined;
  private wroteSince = false;

  constructor(
    private readonly events: EventStream,
    private readonly wish: EventWish,
    readonly sessionId: string,
    readonly expiry: Expiry,
    private readonly account: OpenAccount,
    private readonly meters: Meters,
  ) {
    this.meter = new SocketMeter(events, false);
  }

  /** Whether anything was written. */
  get hasBegun(): boolean {
    return this.isBegun;
  }

  /** Sends the stream until it is over. */
  async run(
    stream: LiveStream,
    streams: StreamTable,
    past: EntitledPast | undefined,
    onError: (error: unknown) => void,
  ): Promise<void> {
    const { events, wish } = this;
    if (!events.isOpen) return;
    this.heldAt = wish.after ?? stream.position;
    this.startMetering(wish.after);
    while (past && this.heldAt && events.isOpen) {
      if (this.metered && !this.metered.hasCredit) await this.untilCredit();
      else await this.lead(stream, streams, past, this.heldAt, onError);
    }
  }

  /** Leads it on from a position, until it is over, or has no credit. */
  private async lead(
    stream: LiveStream,
    streams: StreamTable,
    past: EntitledPast,
    from: Position,
    onError: (error: unknown) => void,
  ): Promise<void> {
    const { events, wish, meters } = this;
    this.heldAt = undefined;
    const isWanted = () => events.isOpen && !this.heldAt;
    const feed = meters.createFeed();
    this.metered?.join(feed, isEverything(wish.narrowing));
    const catchUp = new CatchUp({
      stream,
      streams,
      past,
      aheadRoom: new AheadRoom(),
      position: from,
      narrowing: wish.narrowing,
      isWanted,
      inTurn: (work) => work(),
      onError,
      answer: (at, recovered) => this.answer(at, recovered),
      reached: () => (isWanted() ? 'go-on' : 'over'),
      sink: {
        cork: (write) => events.cork(write),
        reading: (frame, place) => {
          if (!isWanted() || !this.admits(feed, place)) return;
          this.write(Buffer.concat([Buffer.from(`id: ${eventId(place)}\ndata: `), frame, Buffer.from('\n\n')]), place);
          this.sent += 1;
        },
        position: (at) => this.tell({ type: 'position', ...this.fields(at) }, at),
        control: (event) => {
          if (isWanted()) this.tell(frameOfEvent(wish.producerId, event), event.at);
        },
        get isFull() {
          return events.isFull;
        },
        whenDrained: () => events.whenDrained(),
      },
    });
    this.catchUp = catchUp;
    await catchUp.run();
    this.catchUp = undefined;
    this.metered?.leave();
  }

  /** The position is told at first, when it was told that it is stopped, and when something is lost. */
  private answer(at: Position, recovered: boolean): void {
    const isFirst = this.told === undefined;
    if (!isFirst && !this.isToldStopped && recovered) return;
    const asked = !isFirst || this.wish.after !== undefined;
    this.isToldStopped = false;
    this.tell({ type: 'subscribed', ...this.fields(at), recovered: asked && recovered }, at);
  }

  private admits(feed: MeteredFeed, { epoch, seq, bytesBefore, bytesThrough }: ReadingPlace): boolean {
    if (!this.metered) return true;
    feed.stopShort(1, bytesThrough - bytesBefore, { epoch, seq: seq - 1 });
    if (this.heldAt) return false;
    feed.add(epoch, seq, seq, bytesBefore, bytesThrough);
    return true;
  }

  private startMetering(after: Position | undefined): void {
    const subscriptionId = this.account.items.get(this.wish.producerId)?.subscriptionId;
    if (this.metered?.meter.subscriptionId === subscriptionId) return;
    this.endMetering();
    if (subscriptionId === undefined) return;
    this.metered = this.meters.receive(subscriptionId, this.meter, this, after);
  }

  private endMetering(): void {
    this.metered?.end();
    this.metered = undefined;
  }

  private untilCredit(): Promise<void> {
    this.meters.callSoon();
    if (this.metered) this.tellStopped(this.metered.meter.reason);
    return new Promise((resolve) => {
      this.onCredit = resolve;
    });
  }

  stop(at: Position): void {
    this.heldAt ??= at;
    this.metered?.leave();
  }

  goOn(): void {
    this.onCredit();
  }

  waitOn(): void {
    // `tellPosition` is called anyway.
  }

  tellStopped(reason: string): void {
    if (!this.heldAt || this.isToldStopped || !this.metered?.isStopped) return;
    this.isToldStopped = true;
    this.writeEvent(
      'unsubscribed',
      JSON.stringify({ type: 'unsubscribed', producer_id: this.wish.producerId, reason }),
    );
  }

  warnOfCredit(percentLeft: number): void {
    const frame = { type: 'balance', producer_id: this.wish.producerId, percent_left: percentLeft } as const;
    if (this.hasBegun) this.writeEvent('balance', JSON.stringify(frame));
  }

  /** It is over. */
  close(): void {
    this.endMetering();
    this.meters.closed(this.meter);
    this.onCredit();
  }

  /** Tells the position if nothing has told it of late: the other end sees that it is served. */
  tellPosition(): void {
    this.events.keepAlive();
    const at = this.catchUp?.position ?? this.heldAt;
    const isNews =
      this.told !== undefined && at !== undefined && !(at.epoch === this.told.epoch && at.seq === this.told.seq);
    if (at && this.isBegun && (isNews || !this.wroteSince) && !this.events.isFull) {
      this.tell({ type: 'position', ...this.fields(at) }, at);
    }
    this.wroteSince = false;
  }

  warn(refusal: Refusal): void {
    if (this.hasBegun) this.writeEvent('error', errorFrame(refusal));
  }

  refuse(refusal: Refusal): void {
    this.writeEvent('error', errorFrame(refusal, { requestId: this.events.requestId }));
    this.events.end();
  }

  granted(): void {
    // It is one stream, which it has already.
  }

  withdrawn(producerId: string): void {
    if (producerId !== this.wish.producerId) return;
    const frame = { type: 'unsubscribed', producer_id: producerId, reason: 'subscription-ended' } as const;
    this.writeEvent('unsubscribed', JSON.stringify(frame));
    this.events.end();
  }

  recounted(producerId: string): void {
    if (producerId !== this.wish.producerId) return;
    const at = this.catchUp?.position;
    this.metered?.leave();
    this.startMetering(undefined);
    // It goes on where it is, once there is credit; if it waited for some, it looks again.
    if (at) this.stop(at);
    else this.onCredit();
  }

  /** A control frame after which the other end stands at a position. */
  private tell(frame: ConsumerDownFrame, at: Position): void {
    this.write(`event: ${frame.type}\nid: ${eventId(at)}\ndata: ${JSON.stringify(frame)}\n\n`, at);
  }

  private write(event: string | Uint8Array, at: Position): void {
    this.events.write(event);
    this.isBegun = true;
    this.told = at;
    this.wroteSince = true;
  }

  private writeEvent(type: 'error' | 'unsubscribed' | 'balance', data: string): void {
    this.isBegun = true;
    this.wroteSince = true;
    this.events.write(`event: ${type}\ndata: ${data}\n\n`);
  }

  private fields({ epoch, seq }: Position) {
    return { producer_id: this.wish.producerId, epoch, seq };
  }
}
