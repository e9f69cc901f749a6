import { type Rate, takeTokens } from '@motience/gateway-kit';
import {
  type ConsumerUpFrame,
  consumerUpFrameSchema,
  describeFieldErrors,
  fieldErrors,
  Refusal,
  type StreamPosition,
} from '@motience/protocol';
import type { Logger } from '@motience/service-kit';
import type { ConsumerConnection } from './consumer-connection.ts';
import { type Receiving, wants } from './consumer-session.ts';
import { type LiveStream, topicOf } from './live-stream.ts';
import type { StreamTable } from './stream-table.ts';

const everything: Receiving = { deviceId: undefined };

/** Begins and ends streams on sockets: when one opens, on control frames, and when rights change. */
export class Subscriptions {
  constructor(
    private readonly streams: StreamTable,
    private readonly rate: Rate,
    private readonly logger: Logger,
  ) {}

  /**
   * Starts all streams of an open socket (none in manual mode), and says where each starts: `welcome`, the first frame.
   * What came meanwhile is dealt with after it.
   */
  async welcome(connection: ConsumerConnection): Promise<void> {
    const { session, account, socket } = connection;
    const producerIds = session.manual ? [] : [...account.items.keys()];
    for (const producerId of producerIds) session.opening.set(producerId, { asked: everything, answers: 0 });
    const held = await Promise.allSettled(producerIds.map((producerId) => this.streams.hold(producerId)));
    const failed = held.find((result) => result.status === 'rejected');
    if (failed || !socket.isOpen) {
      for (const producerId of producerIds) this.giveUp(connection, producerId);
      if (failed) this.fail(connection, failed.reason);
      return;
    }
    const joined: LiveStream[] = [];
    for (const result of held) {
      if (result.status === 'rejected') continue;
      const stream = result.value;
      if (session.opening.has(stream.producerId)) joined.push(stream);
      else this.giveUp(connection, stream.producerId);
    }
    connection.send({ type: 'welcome', session_id: socket.requestId, streams: joined.map(positionOf) });
    for (const stream of joined) this.join(connection, stream, everything);
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
    if (session.manual || session.early || wants(session, producerId)) return;
    this.start(connection, producerId, everything);
  }

  /** A subscription ended: nothing more is sent. */
  withdrawn(connection: ConsumerConnection, producerId: string): void {
    if (!wants(connection.session, producerId)) return;
    this.leave(connection, producerId);
    if (connection.session.early) return;
    connection.send({ type: 'unsubscribed', producer_id: producerId, reason: 'subscription-ended' });
  }

  /** The socket is gone. */
  closed(connection: ConsumerConnection): void {
    for (const producerId of [...connection.session.receiving.keys()]) this.leave(connection, producerId);
  }

  private handle(connection: ConsumerConnection, frame: ConsumerUpFrame | Refusal): void {
    if (frame instanceof Refusal) connection.warn(frame);
    else if (frame.type === 'subscribe') this.subscribe(connection, frame);
    else this.unsubscribe(connection, frame.producer_id);
  }

  private subscribe(connection: ConsumerConnection, frame: Extract<ConsumerUpFrame, { type: 'subscribe' }>): void {
    const { producer_id: producerId, device_id: deviceId } = frame;
    if (frame.after !== undefined || frame.epoch !== undefined) {
      connection.warn(new Refusal('invalid-request', 'after, epoch: resuming from a position is not offered yet'));
    } else if (!connection.account.items.has(producerId)) {
      connection.warn(new Refusal('forbidden', `producer_id: no active subscription to producer ${producerId}`));
    } else {
      this.start(connection, producerId, { deviceId });
    }
  }

  private unsubscribe(connection: ConsumerConnection, producerId: string): void {
    if (!wants(connection.session, producerId)) {
      connection.warn(new Refusal('not-found', `producer_id: this socket does not receive producer ${producerId}`));
      return;
    }
    this.leave(connection, producerId);
    connection.send({ type: 'unsubscribed', producer_id: producerId, reason: 'requested' });
  }

  /** Starts a stream, or narrows one that runs, from where it stands; answers each call by `subscribed`. */
  private start(connection: ConsumerConnection, producerId: string, asked: Receiving): void {
    const { session } = connection;
    const underWay = session.opening.get(producerId);
    session.opening.set(producerId, { asked, answers: (underWay?.answers ?? 0) + 1 });
    if (underWay) return;
    this.streams.hold(producerId).then(
      (stream) => {
        const opening = session.opening.get(producerId);
        if (!opening || !connection.socket.isOpen) {
          this.giveUp(connection, producerId);
          return;
        }
        if (session.receiving.has(producerId)) this.leave(connection, producerId, { keepOpening: true });
        for (let answered = 0; answered < opening.answers; answered += 1) {
          connection.send({ type: 'subscribed', ...positionOf(stream), recovered: false });
        }
        this.join(connection, stream, opening.asked);
      },
      (error: unknown) => {
        this.giveUp(connection, producerId);
        this.fail(connection, error);
      },
    );
  }

  private join(connection: ConsumerConnection, stream: LiveStream, asked: Receiving): void {
    const { session, socket } = connection;
    session.opening.delete(stream.producerId);
    session.receiving.set(stream.producerId, asked);
    stream.connections.add(connection);
    if (asked.deviceId !== undefined) {
      stream.narrowed.set(asked.deviceId, (stream.narrowed.get(asked.deviceId) ?? 0) + 1);
    }
    socket.subscribe(topicOf(stream.producerId, asked.deviceId));
  }

  private leave(connection: ConsumerConnection, producerId: string, { keepOpening = false } = {}): void {
    const { session, socket } = connection;
    if (!keepOpening) session.opening.delete(producerId);
    const receiving = session.receiving.get(producerId);
    if (!receiving) return;
    session.receiving.delete(producerId);
    socket.unsubscribe(topicOf(producerId, receiving.deviceId));
    const stream = this.streams.get(producerId);
    if (!stream) return;
    stream.connections.delete(connection);
    const { deviceId } = receiving;
    if (deviceId !== undefined) {
      const others = (stream.narrowed.get(deviceId) ?? 1) - 1;
      if (others > 0) stream.narrowed.set(deviceId, others);
      else stream.narrowed.delete(deviceId);
    }
    this.streams.release(producerId);
  }

  private giveUp(connection: ConsumerConnection, producerId: string): void {
    connection.session.opening.delete(producerId);
    this.streams.release(producerId);
  }

  private fail(connection: ConsumerConnection, error: unknown): void {
    this.logger.warn({ err: error }, 'a stream could not be opened');
    connection.refuse(new Refusal('unavailable', 'a stream cannot be opened: reconnect', { retryAfterSeconds: 1 }));
  }
}

function positionOf({ producerId, position }: LiveStream): StreamPosition {
  return { producer_id: producerId, epoch: position?.epoch ?? '', seq: position?.seq ?? 0 };
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
