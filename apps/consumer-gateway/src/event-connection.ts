import { type EventStream, type Expiry, errorFrame, type OpenAccount, type OpenSocket } from '@motience/gateway-kit';
import { type ConsumerDownFrame, eventId, type Refusal } from '@motience/protocol';
import type { Position } from '@motience/stream-log';
import { CatchUp } from './catch-up.ts';
import type { EntitledPast } from './entitled-past.ts';
import type { EventWish } from './event-wish.ts';
import { frameOfEvent } from './frame-of-event.ts';
import type { LiveStream } from './live-stream.ts';
import type { MeteredReceiver } from './metered-reception.ts';
import type { Meters } from './meters.ts';
import { isEverything } from './narrowing.ts';
import { AheadRoom } from './past-ahead.ts';
import { SocketMeter } from './socket-meter.ts';
import { StreamMetering } from './stream-metering.ts';
import type { StreamTable } from './stream-table.ts';

/** One open event stream: where its account and the wire meet. */
export class EventConnection implements OpenSocket, MeteredReceiver {
  warnedOfExpiry = false;
  sent = 0;
  private readonly meter: SocketMeter;
  private catchUp: CatchUp | undefined;
  private readonly metering: StreamMetering;
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
    account: OpenAccount,
    private readonly meters: Meters,
  ) {
    this.meter = new SocketMeter(events, false);
    const subscriptionId = () => account.items.get(wish.producerId)?.subscriptionId;
    this.metering = new StreamMetering(meters, this, subscriptionId, () => this.meter);
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
    this.metering.begin(wish.after);
    while (past && this.heldAt && events.isOpen) {
      if (!this.metering.hasCredit) await this.untilCredit();
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
    const { events, wish } = this;
    this.heldAt = undefined;
    const isWanted = () => events.isOpen && !this.heldAt;
    this.metering.joinOwn(isEverything(wish.narrowing));
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
          if (!isWanted() || !this.metering.admits(place)) return;
          this.write(Buffer.concat([Buffer.from(`id: ${eventId(place)}\ndata: `), frame, Buffer.from('\n\n')]), place);
          this.sent += 1;
        },
        position: () => {
          // `tellPosition` is called anyway.
        },
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
    this.metering.leave();
  }

  /** The position is told at first, when it was told that it is stopped, and when something is lost. */
  private answer(at: Position, recovered: boolean): void {
    const isFirst = this.told === undefined;
    if (!isFirst && !this.isToldStopped && recovered) return;
    const asked = !isFirst || this.wish.after !== undefined;
    this.isToldStopped = false;
    this.tell({ type: 'subscribed', ...this.fields(at), recovered: asked && recovered }, at);
  }

  private untilCredit(): Promise<void> {
    this.meters.callSoon();
    this.tellStopped();
    return new Promise((resolve) => {
      this.onCredit = resolve;
    });
  }

  stop(at: Position): void {
    this.heldAt ??= at;
    this.metering.leave();
  }

  goOn(): void {
    this.onCredit();
  }

  waitOn(): void {
    // `tellPosition` is called anyway.
  }

  tellStopped(): void {
    const reason = this.metering.whyStopped;
    if (!this.heldAt || this.isToldStopped || reason === undefined) return;
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
    this.metering.end();
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
    this.metering.leave();
    this.metering.begin(undefined);
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
