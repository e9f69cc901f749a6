import { type Rate, takeTokens } from '@motience/gateway-kit';
import {
  type ConsumerUpFrame,
  consumerUpFrameSchema,
  describeFieldErrors,
  fieldErrors,
  Refusal,
  type StreamPosition,
} from '@motience/protocol';
import { orLate } from '@motience/service-kit';
import type { Position } from '@motience/stream-log';
import type { ConsumerConnection } from './consumer-connection.ts';
import { everything, narrowingOf } from './narrowing.ts';
import { Reception, type ReceptionContext } from './reception.ts';

/** How long a socket waits for its streams before it is welcomed with those that are open, in ms. */
const patienceMs = 2_000;

/** Begins and ends streams on sockets: when one opens, on control frames, and when rights change. */
export class Subscriptions {
  constructor(
    private readonly context: ReceptionContext,
    private readonly rate: Rate,
  ) {}

  /**
   * Starts all streams of an open socket (none in manual mode), and says where each starts: `welcome`, the first frame.
   * What came meanwhile is dealt with after it.
   */
  async welcome(connection: ConsumerConnection): Promise<void> {
    const { session, account, socket } = connection;
    const receptions = (session.mode.manual ? [] : [...account.items.keys()]).map((id) =>
      this.receptionOf(connection, id),
    );
    const opened = Promise.all(receptions.map((reception) => reception.open())).then(() => {});
    try {
      await orLate(opened, patienceMs, () => undefined);
    } catch (error) {
      this.context.failed(connection, error);
      return;
    }
    if (!socket.isOpen) return;
    // Those whose subscription has ended meanwhile are not there any more.
    const wanted = receptions.filter((reception) => session.receptions.get(reception.producerId) === reception);
    const streams = wanted.flatMap(({ producerId, position }) => (position ? [positionOf(producerId, position)] : []));
    connection.send({ type: 'welcome', session_id: socket.requestId, streams });
    for (const reception of wanted) {
      if (reception.position) reception.begin();
      // One that takes long, because a part of Redis is away, is told once it is open.
      else reception.ask({ narrowing: everything, from: undefined });
    }
    const early = session.early ?? [];
    session.early = undefined;
    // Subscriptions that were made meanwhile.
    for (const producerId of account.items.keys()) this.granted(connection, producerId);
    for (const frame of early) this.handle(connection, frame);
  }

  /**
   * Takes a text frame, or a binary one as undefined. What is wrong with it is told by an error frame; the socket stays
   * open.
   */
  receive(connection: ConsumerConnection, text: string | undefined): void {
    const { bucket, early } = connection.session;
    const waitSeconds = takeTokens(bucket, this.rate, 1, performance.now());
    if (waitSeconds > 0 || (early && early.length >= this.rate.burst)) {
      const limit = `more than ${this.rate.perSecond} control frames a second`;
      connection.refuse(new Refusal('rate-limited', limit, { retryAfterSeconds: Math.max(waitSeconds, 1) }));
      return;
    }
    const frame = parseControlFrame(text);
    if (early) early.push(frame);
    else this.handle(connection, frame);
  }

  /** A subscription was made while the socket is open. */
  granted(connection: ConsumerConnection, producerId: string): void {
    const { session } = connection;
    if (session.mode.manual || session.early || session.receptions.has(producerId)) return;
    this.receptionOf(connection, producerId).ask({ narrowing: everything, from: undefined });
  }

  /** A subscription ended: nothing more is sent. */
  withdrawn(connection: ConsumerConnection, producerId: string): void {
    if (!this.leave(connection, producerId) || connection.session.early) return;
    connection.send({ type: 'unsubscribed', producer_id: producerId, reason: 'subscription-ended' });
  }

  /** The socket is gone. */
  closed(connection: ConsumerConnection): void {
    if (connection.hasMeter) this.context.meters.closed(connection.meter);
    for (const producerId of [...connection.session.receptions.keys()]) this.leave(connection, producerId);
  }

  private handle(connection: ConsumerConnection, frame: ConsumerUpFrame | Refusal): void {
    if (frame instanceof Refusal) connection.warn(frame);
    else if (frame.type === 'subscribe') this.subscribe(connection, frame);
    else this.unsubscribe(connection, frame.producer_id);
  }

  private subscribe(connection: ConsumerConnection, frame: Extract<ConsumerUpFrame, { type: 'subscribe' }>): void {
    const { producer_id: producerId, epoch, after } = frame;
    if (!connection.account.items.has(producerId)) {
      const why = `producer_id: no active subscription to producer ${producerId}`;
      connection.warnAbout(producerId, new Refusal('forbidden', why));
      return;
    }
    const from = epoch === undefined || after === undefined ? undefined : { epoch, seq: after };
    this.receptionOf(connection, producerId).ask({ narrowing: narrowingOf(frame), from });
  }

  private unsubscribe(connection: ConsumerConnection, producerId: string): void {
    if (this.leave(connection, producerId)) {
      connection.send({ type: 'unsubscribed', producer_id: producerId, reason: 'requested' });
    } else {
      const why = `producer_id: this socket does not receive producer ${producerId}`;
      connection.warnAbout(producerId, new Refusal('not-found', why));
    }
  }

  private receptionOf(connection: ConsumerConnection, producerId: string): Reception {
    const { receptions } = connection.session;
    const reception = receptions.get(producerId) ?? new Reception(this.context, connection, producerId);
    receptions.set(producerId, reception);
    return reception;
  }

  /** Whether the socket received the stream. */
  private leave({ session }: ConsumerConnection, producerId: string): boolean {
    session.receptions.get(producerId)?.end();
    return session.receptions.delete(producerId);
  }
}

function positionOf(producerId: string, { epoch, seq }: Position): StreamPosition {
  return { producer_id: producerId, epoch, seq };
}

function parseControlFrame(text: string | undefined): ConsumerUpFrame | Refusal {
  if (text === undefined) {
    return new Refusal('invalid-request', 'expected a text frame with JSON, got a binary one');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new Refusal('invalid-request', 'expected JSON: a frame of type subscribe or unsubscribe');
  }
  const frame = consumerUpFrameSchema.safeParse(value);
  return frame.success ? frame.data : new Refusal('invalid-request', describeFieldErrors(fieldErrors(frame.error)));
}
