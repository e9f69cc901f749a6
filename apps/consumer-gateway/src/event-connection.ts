import { type EventStream, errorFrame, type OpenSocket } from '@motience/gateway-kit';
import { type ConsumerDownFrame, eventId, type Refusal } from '@motience/protocol';
import type { Position } from '@motience/stream-log';
import { CatchUp } from './catch-up.ts';
import type { EntitledPast } from './entitled-past.ts';
import type { EventWish } from './event-wish.ts';
import { frameOfEvent } from './frame-of-event.ts';
import type { LiveStream } from './live-stream.ts';
import type { StreamTable } from './stream-table.ts';

/** One open event stream: where its account and the wire meet. */
export class EventConnection implements OpenSocket {
  warnedOfExpiry = false;
  sent = 0;
  private catchUp: CatchUp | undefined;
  /** Where the last event has led the other end. */
  private told: Position | undefined;
  private wroteSince = false;

  constructor(
    private readonly events: EventStream,
    private readonly wish: EventWish,
    readonly sessionId: string,
    readonly expiresAt: number,
  ) {}

  /** Whether anything was written. */
  get hasBegun(): boolean {
    return this.told !== undefined;
  }

  /** Sends the stream until it is over. */
  async run(
    stream: LiveStream,
    streams: StreamTable,
    past: EntitledPast | undefined,
    onError: (error: unknown) => void,
  ): Promise<void> {
    const { events, wish } = this;
    const from = wish.after ?? stream.position;
    if (!past || !from) return;
    const catchUp = new CatchUp({
      stream,
      streams,
      past,
      position: from,
      narrowing: wish.narrowing,
      isWanted: () => events.isOpen,
      inTurn: (work) => work(),
      onError,
      answer: (at, recovered) => {
        const asked = wish.after !== undefined;
        this.tell({ type: 'subscribed', ...this.fields(at), recovered: asked && recovered }, at);
      },
      reached: () => 'go-on',
      sink: {
        cork: (write) => events.cork(write),
        reading: (frame, at) => {
          this.write(Buffer.concat([Buffer.from(`id: ${eventId(at)}\ndata: `), frame, Buffer.from('\n\n')]), at);
          this.sent += 1;
        },
        position: (at) => this.tell({ type: 'position', ...this.fields(at) }, at),
        control: (event) => this.tell(frameOfEvent(wish.producerId, event), event.at),
        get isFull() {
          return events.isFull;
        },
        whenDrained: () => events.whenDrained(),
      },
    });
    this.catchUp = catchUp;
    await catchUp.run();
  }

  /** Tells the position if nothing has told it of late: the other end sees that it is served. */
  tellPosition(): void {
    this.events.keepAlive();
    const at = this.catchUp?.position;
    const isNews =
      this.told !== undefined && at !== undefined && !(at.epoch === this.told.epoch && at.seq === this.told.seq);
    if (at && this.told && (isNews || !this.wroteSince) && !this.events.isFull) {
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

  recounted(): void {}

  /** A control frame after which the other end stands at a position. */
  private tell(frame: ConsumerDownFrame, at: Position): void {
    this.write(`event: ${frame.type}\nid: ${eventId(at)}\ndata: ${JSON.stringify(frame)}\n\n`, at);
  }

  private write(event: string | Uint8Array, at: Position): void {
    this.events.write(event);
    this.told = at;
    this.wroteSince = true;
  }

  private writeEvent(type: 'error' | 'unsubscribed', data: string): void {
    this.events.write(`event: ${type}\ndata: ${data}\n\n`);
  }

  private fields({ epoch, seq }: Position) {
    return { producer_id: this.wish.producerId, epoch, seq };
  }
}
