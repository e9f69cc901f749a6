import {
  admitSocket,
  expiryOf,
  type GatewayServer,
  type OpenAccount,
  refuseInternal,
  StallWatch,
  startGatewayServer,
  watchExpiry,
} from '@motience/gateway-kit';
import { Refusal } from '@motience/protocol';
import {
  Counter,
  Gauge,
  type Logger,
  type ReadinessCheck,
  type RunningApp,
  readinessProbe,
} from '@motience/service-kit';
import { TailCheck } from './check-tails.ts';
import type { Config } from './config.ts';
import { ConsumerConnection } from './consumer-connection.ts';
import { startSession } from './consumer-session.ts';
import type { Context } from './context.ts';
import { Delivery } from './deliver-readings.ts';
import { EntitledPast } from './entitled-past.ts';
import { frameOfEvent } from './frame-of-event.ts';
import { Meters } from './meters.ts';
import { NarrowedView } from './narrowed-view.ts';
import { EventService } from './serve-events.ts';
import { findEntitlement } from './services/find-entitlement.ts';
import { findPaidTimes } from './services/find-paid-times.ts';
import { backpressureHeadroomBytes, SlowConsumers } from './slow-consumers.ts';
import { readMode } from './socket-mode.ts';
import { StreamTable } from './stream-table.ts';
import { Subscriptions } from './subscribe-streams.ts';

/** Starts to serve consumers. Stopping closes the sockets with 1001, then Redis. */
export async function startConsumerGateway(config: Config, context: Context, logger: Logger): Promise<RunningApp> {
  const { accounts, watch, live, past, database } = context;
  const rate = { perSecond: config.controlFramesPerSecond, burst: config.controlFramesPerSecond };
  const backfillBounds = { backfills: config.backfillsPerSocket, bytes: config.maxQueuedBytes / 4 };
  const connections = new Set<ConsumerConnection>();
  const meters = new Meters(context.usage, logger);
  const countDelivered = addMetrics(context, connections, () => events.size, meters);

  const slowConsumers = new SlowConsumers(() => connections, config, logger);
  // The server delivers what the streams receive, and the streams begin with the sockets the server opens.
  let server: GatewayServer | undefined;
  const delivery = new Delivery(
    { publish: (topic, frame) => server?.publish(topic, frame) },
    slowConsumers,
    countDelivered,
    (bytes) => meters.wentOut(bytes),
  );
  const stalls = new StallWatch(() => {
    logger.warn('the process was stopped for a while: rights are read again');
    watch.readAgainFirst();
  });
  const streams: StreamTable = new StreamTable(
    live,
    past,
    {
      beforeNext: () => stalls.check(),
      next: (stream, event) => {
        if (event.type === 'batch') delivery.readings(stream, event.batch, event.after);
        else delivery.control(stream, frameOfEvent(stream.producerId, event));
      },
      interrupted: (stream) => {
        const why = new Refusal('unavailable', 'readings are missing: reconnect', { retryAfterSeconds: 1 });
        for (const connection of [...stream.connections]) connection.refuse(why);
      },
      createView: (producerId, narrowing) =>
        new NarrowedView(producerId, narrowing, {
          publish: (topic, frame) => server?.publish(topic, frame),
          isPaused: () => streams.isPaused,
          heldBytes: streams.heldBytes,
        }),
    },
    logger,
  );
  const pastFor = (account: OpenAccount, producerId: string) => {
    const { id } = account;
    const entitlement = account.items.get(producerId);
    if (!entitlement) return undefined;
    return new EntitledPast(past, producerId, {
      sinceMs: entitlement.since,
      findTimes: () => findEntitlement(database.sql, id, producerId),
      // It may be another subscription by then.
      coveredFrom: (fromMs) => meters.coveredFrom(account.items.get(producerId)?.subscriptionId, fromMs),
      findPaidTimes: () => findPaidTimes(database.sql, id, producerId),
    });
  };
  const failed = (connection: ConsumerConnection, error: unknown) => {
    logger.warn({ err: error }, 'a stream cannot be received');
    const why = 'a stream cannot be received now: reconnect';
    connection.refuse(new Refusal('unavailable', why, { retryAfterSeconds: 1 }));
  };
  const unreadable = ({ socket }: ConsumerConnection, producerId: string, error: unknown) => {
    logger.warn({ err: error, request_id: socket.requestId, producerId }, 'the past of a stream cannot be read now');
  };
  const subscriptions = new Subscriptions(
    { streams, meters, pastFor, onSent: countDelivered, unreadable, failed },
    rate,
  );
  await meters.start(context.subscriber);
  await watch.start(
    () => {
      streams.pause();
      meters.drop();
    },
    () => streams.resume(),
  );
  const admissionRules = { ...context, role: 'consumer', maxSocketsPerAccount: config.socketsPerAccount } as const;
  const events = new EventService({ ...admissionRules, streams, meters, pastFor, onSent: countDelivered, logger });
  const tails = new TailCheck(live, streams, delivery, logger);
  const stopWatchingExpiry = watchExpiry(accounts);
  const stopTimers = () => {
    slowConsumers.stop();
    tails.stop();
    events.stop();
    stopWatchingExpiry();
    stalls.stop();
  };

  try {
    server = await startGatewayServer<ConsumerConnection>({
      ...config,
      portVariable: 'WSS2_PORT',
      path: '/consumer',
      mayCompress: true,
      maxBackpressureBytes: config.maxQueuedBytes + backpressureHeadroomBytes,
      readiness: readinessProbe([...context.readiness, deliveryReadiness(streams)], logger),
      metrics: context.metrics,
      logger,
      admit: (request) => admitSocket(request, admissionRules),
      events: { path: '/consumer/sse', serve: (stream, request) => events.serve(stream, request) },
      open: (socket, admission, query) => {
        const { claims, items } = admission;
        const account = accounts.enter(claims.sub, items);
        const session = startSession(readMode(query), rate, performance.now());
        const connection = new ConsumerConnection(
          session,
          account,
          claims.sid,
          expiryOf(claims),
          socket,
          subscriptions,
          backfillBounds,
        );
        connections.add(connection);
        watch.watchSocket(account, connection, admission);
        subscriptions.welcome(connection).catch((error: unknown) => refuseInternal(socket, error, logger));
        return connection;
      },
      receiveText: (connection, text) => subscriptions.receive(connection, text),
      receiveBinary: (connection) => subscriptions.receive(connection, undefined),
      closed: (connection) => {
        connections.delete(connection);
        accounts.leave(connection.account, connection);
        subscriptions.closed(connection);
      },
    });
  } catch (error) {
    stopTimers();
    await meters.close();
    await context.close();
    throw error;
  }

  const { port, url, stopListening, closeSockets, close } = server;
  return {
    port,
    url,
    stop: async () => {
      stopListening();
      await closeSockets();
      stopTimers();
      close();
      await meters.close();
      await context.close();
    },
  };
}

/** A gateway that holds readings back is not ready: a consumer that can is better off with another one. */
function deliveryReadiness(streams: StreamTable): ReadinessCheck {
  return {
    name: 'delivery',
    check: async () =>
      streams.isPaused ? { ok: false, reason: 'paused until the rights were read again' } : { ok: true },
  };
}

function addMetrics(
  context: Context,
  connections: ReadonlySet<ConsumerConnection>,
  countEventStreams: () => number,
  meters: Meters,
): (readings: number) => void {
  const registers = [context.metrics];
  const published = new Counter({
    name: 'motience_readings_delivered_total',
    help: 'Readings of followed streams handed to the sockets, each counted once',
    registers,
  });
  new Gauge({
    name: 'motience_consumer_sockets',
    help: 'Open sockets of consumers',
    registers,
    collect() {
      this.set(connections.size);
    },
  });
  new Gauge({
    name: 'motience_consumer_event_streams',
    help: 'Open streams of server-sent events',
    registers,
    collect() {
      this.set(countEventStreams());
    },
  });
  new Gauge({
    name: 'motience_consumer_metered_subscriptions',
    help: 'Subscriptions whose credit is used here, or of which something is still to be reported',
    registers,
    collect() {
      this.set(meters.size);
    },
  });
  return (readings) => published.inc(readings);
}
