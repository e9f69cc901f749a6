import { admitSocket, type GatewayServer, startGatewayServer, watchExpiry } from '@motience/gateway-kit';
import { Refusal } from '@motience/protocol';
import { Counter, Gauge, type Logger, type RunningApp, readinessProbe } from '@motience/service-kit';
import { TailCheck } from './check-tails.ts';
import type { Config } from './config.ts';
import { ConsumerConnection } from './consumer-connection.ts';
import { startSession } from './consumer-session.ts';
import type { Context } from './context.ts';
import { backpressureHeadroomBytes, Delivery } from './deliver-readings.ts';
import { StreamTable } from './stream-table.ts';
import { Subscriptions } from './subscribe-streams.ts';

/** Starts to serve consumers. Stopping closes the sockets with 1001, then Redis. */
export async function startConsumerGateway(config: Config, context: Context, logger: Logger): Promise<RunningApp> {
  const { accounts, watch, live } = context;
  const rate = { perSecond: config.controlFramesPerSecond, burst: config.controlFramesPerSecond };
  const connections = new Set<ConsumerConnection>();
  const countDelivered = addMetrics(context, connections);

  // The server delivers what the streams receive, and the streams begin with the sockets the server opens.
  let server: GatewayServer | undefined;
  const delivery = new Delivery(
    { publish: (topic, frame) => server?.publish(topic, frame) },
    () => connections,
    config.maxQueuedBytes,
    countDelivered,
  );
  const streams = new StreamTable(
    live,
    {
      deliver: (stream, batch) => delivery.deliver(stream, batch),
      beginEpoch: ({ producerId, connections: sockets }, epoch) => {
        const frame = { type: 'subscribed', producer_id: producerId, epoch, seq: 0, recovered: false } as const;
        for (const connection of [...sockets]) connection.send(frame);
      },
    },
    logger,
  );
  const subscriptions = new Subscriptions(streams, rate, logger);
  await watch.start(
    context.subscriber,
    () => streams.pause(),
    () => streams.resume(),
  );
  const tails = new TailCheck(live, streams, logger);
  const stopWatchingExpiry = watchExpiry(accounts);
  const stopTimers = () => {
    tails.stop();
    stopWatchingExpiry();
  };

  try {
    server = await startGatewayServer<ConsumerConnection>({
      ...config,
      portVariable: 'WSS2_PORT',
      path: '/consumer',
      maxBackpressureBytes: config.maxQueuedBytes + backpressureHeadroomBytes,
      newSockets: context.newSockets,
      readiness: readinessProbe(context.readiness, logger),
      metrics: context.metrics,
      logger,
      admit: (request) =>
        admitSocket(request, { ...context, role: 'consumer', maxSocketsPerAccount: config.socketsPerAccount }),
      open: (socket, admission, query) => {
        const { claims, items } = admission;
        const account = accounts.enter(claims.sub, items);
        const session = startSession(isManual(query), rate, performance.now());
        const expiresAt = claims.exp * 1_000;
        const connection = new ConsumerConnection(session, account, claims.sid, expiresAt, socket, subscriptions);
        connections.add(connection);
        watch.watchSocket(account, connection, admission);
        subscriptions.welcome(connection).catch((err: unknown) => logger.error({ err }, 'welcome failed'));
        return connection;
      },
      receiveText: (connection, text) => subscriptions.receive(connection, text),
      receiveBinary: (connection) => {
        connection.warn(new Refusal('invalid-request', 'expected a text frame with JSON, got a binary one'));
      },
      closed: (connection) => {
        connections.delete(connection);
        accounts.leave(connection.account, connection);
        subscriptions.closed(connection);
      },
    });
  } catch (error) {
    stopTimers();
    await context.close();
    throw error;
  }

  const { port, url, stopListening, closeSockets, close } = server;
  return {
    port,
    url,
    stop: async () => {
      stopListening();
      closeSockets();
      stopTimers();
      close();
      await context.close();
    },
  };
}

function isManual(query: string): boolean {
  return new URLSearchParams(query).get('mode') === 'manual';
}

function addMetrics(context: Context, connections: ReadonlySet<ConsumerConnection>): (readings: number) => void {
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
  return (readings) => published.inc(readings);
}
