import {
  type AdmissionRules,
  admitSocket,
  type EventRequest,
  type EventStream,
  errorFrame,
  type OpenAccount,
  type OpenSocket,
} from '@motience/gateway-kit';
import {
  type ConsumerDownFrame,
  describeFieldErrors,
  eventId,
  eventIdSchema,
  eventQuerySchema,
  fieldErrors,
  Refusal,
} from '@motience/protocol';
import type { Logger } from '@motience/service-kit';
import type { Position } from '@motience/stream-log';
import { CatchUp } from './catch-up.ts';
import type { EntitledPast } from './entitled-past.ts';
import { frameOfEvent } from './frame-of-event.ts';
import type { LiveStream } from './live-stream.ts';
import type { StreamTable } from './stream-table.ts';

export interface EventServiceContext extends AdmissionRules {
  streams: StreamTable;
  /** The past of a stream for a consumer; undefined if it has no subscription to it. */
  pastFor(account: OpenAccount, producerId: string): EntitledPast | undefined;
  onSent(readings: number): void;
  logger: Logger;
}

/** What is asked for: one stream, narrowed to a device, or after a position. */
interface Wish {
  producerId: string;
  deviceId: string | undefined;
  after: Position | undefined;
}

/** How often it is looked whether anything was written, in ms. uWebSockets.js ends a response after 10 s without. */
const lookMs = 3_000;

/**
 * Serves one stream as server-sent events, for those who have only HTTP. It is led through the past for as long as it is
 * open, so nothing waits for a reader that is slow: it is served later.
 */
export class EventService {
  private readonly connections = new Set<EventConnection>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly context: EventServiceContext) {
    this.timer = setInterval(() => {
      for (const connection of this.connections) connection.tellPosition();
    }, lookMs);
  }

  get size(): number {
    return this.connections.size;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Serves until the stream is over. Throws a Refusal if it may not begin. */
  async serve(events: EventStream, request: EventRequest): Promise<void> {
    const { context } = this;
    const { accounts, watch, streams } = context;
    const wish = readWish(request);
    const admission = await admitSocket(request, context);
    const { claims, items } = admission;
    if (!events.isOpen || !items.has(wish.producerId)) {
      admission.end();
      throw new Refusal('forbidden', `producer_id: no active subscription to producer ${wish.producerId}`);
    }
    const account = accounts.enter(claims.sub, items);
    const connection = new EventConnection(events, wish, claims.sid, claims.exp * 1_000);
    this.connections.add(connection);
    watch.watchSocket(account, connection, admission);
    try {
      const stream = await streams.hold(wish.producerId);
      await connection.run(stream, streams, context.pastFor(account, wish.producerId));
    } catch (error) {
      context.logger.warn({ err: error, producerId: wish.producerId }, 'a stream cannot be received');
      const why = 'the stream cannot be received now: reconnect';
      const refusal = new Refusal('unavailable', why, { retryAfterSeconds: 1 });
      if (!connection.hasBegun) throw refusal;
      connection.refuse(refusal);
    } finally {
      streams.release(wish.producerId);
      this.connections.delete(connection);
      accounts.leave(account, connection);
      context.onSent(connection.sent);
      if (connection.hasBegun) events.end();
    }
  }
}

/** One open event stream: where its account and the wire meet. */
class EventConnection implements OpenSocket {
  warnedOfExpiry = false;
  sent = 0;
  private catchUp: CatchUp | undefined;
  /** Where the last event has led the other end. */
  private told: Position | undefined;
  private wroteSince = false;

  constructor(
    private readonly events: EventStream,
    private readonly wish: Wish,
    readonly sessionId: string,
    readonly expiresAt: number,
  ) {}

  /** Whether anything was written. */
  get hasBegun(): boolean {
    return this.told !== undefined;
  }

  /** Sends the stream until it is over. */
  async run(stream: LiveStream, streams: StreamTable, past: EntitledPast | undefined): Promise<void> {
    const { events, wish } = this;
    const from = wish.after ?? stream.position;
    if (!past || !from) return;
    const catchUp = new CatchUp({
      stream,
      streams,
      past,
      position: from,
      deviceId: wish.deviceId,
      isWanted: () => events.isOpen,
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
        control: (event) => this.tell(frameOfEvent(wish.producerId, event), event.at),
        get isFull() {
          return events.isFull;
        },
        whenDrained: () => events.whenDrained(),
      },
    });
    this.catchUp = catchUp;
    try {
      await catchUp.run();
    } finally {
      catchUp.end();
    }
  }

  /** Tells the position if nothing has told it of late: the other end sees that it is served. */
  tellPosition(): void {
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

/** What a request asks for. Throws a Refusal that names the field if it is not right. */
function readWish({ query, lastEventId }: EventRequest): Wish {
  const asked = eventQuerySchema.safeParse(Object.fromEntries(new URLSearchParams(query)));
  if (!asked.success) throw new Refusal('invalid-request', describeFieldErrors(fieldErrors(asked.error)));
  const { producer_id: producerId, device_id: deviceId, last_event_id: after } = asked.data;
  if (lastEventId === '') return { producerId, deviceId, after };
  const header = eventIdSchema.safeParse(lastEventId);
  if (header.success) return { producerId, deviceId, after: header.data };
  throw new Refusal('invalid-request', `Last-Event-ID: ${describeFieldErrors(fieldErrors(header.error))}`);
}
