import {
  type AdmissionRules,
  admitSocket,
  type EventRequest,
  type EventStream,
  expiryOf,
  type OpenAccount,
} from '@motience/gateway-kit';
import { Refusal } from '@motience/protocol';
import type { Logger } from '@motience/service-kit';
import type { EntitledPast } from './entitled-past.ts';
import { EventConnection } from './event-connection.ts';
import { readWish } from './event-wish.ts';
import type { Meters } from './meters.ts';
import type { StreamTable } from './stream-table.ts';

export interface EventServiceContext extends AdmissionRules {
  streams: StreamTable;
  meters: Meters;
  /** The past of a stream for a consumer; undefined if it has no subscription to it. */
  pastFor(account: OpenAccount, producerId: string): EntitledPast | undefined;
  onSent(readings: number): void;
  logger: Logger;
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
    const connection = new EventConnection(events, wish, claims.sid, expiryOf(claims), account, context.meters);
    this.connections.add(connection);
    watch.watchSocket(account, connection, admission);
    const unreadable = (err: unknown) => {
      const { requestId: request_id } = events;
      context.logger.warn({ err, request_id, producerId: wish.producerId }, 'the past of a stream cannot be read now');
    };
    try {
      const stream = streams.hold(wish.producerId);
      const past = context.pastFor(account, wish.producerId);
      const served = stream.then((open) => connection.run(open, streams, past, unreadable));
      // Whatever it waits for, one that has gone gives up its place at once.
      await Promise.race([served, events.ended]);
    } catch (error) {
      context.logger.warn({ err: error, producerId: wish.producerId }, 'a stream cannot be received');
      const why = 'the stream cannot be received now: reconnect';
      const refusal = new Refusal('unavailable', why, { retryAfterSeconds: 1 });
      if (!connection.hasBegun) throw refusal;
      connection.refuse(refusal);
    } finally {
      connection.close();
      streams.release(wish.producerId);
      this.connections.delete(connection);
      accounts.leave(account, connection);
      context.onSent(connection.sent);
      if (connection.hasBegun) events.end();
    }
  }
}
