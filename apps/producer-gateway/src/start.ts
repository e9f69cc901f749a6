import { admitSocket, expiryOf, type GatewayServer, startGatewayServer, watchExpiry } from '@motience/gateway-kit';
import { type Logger, type RunningApp, readinessProbe, settleWithin } from '@motience/service-kit';
import { shardOf } from '@motience/stream-log';
import type { Config } from './config.ts';
import type { Context } from './context.ts';
import { ProducerConnection } from './producer-connection.ts';
import { startSession } from './producer-session.ts';
import { receiveBinary, receiveReadings } from './receive-readings.ts';

/** How long a stop waits for what was received to be stored. */
const drainMs = 5_000;

/** Starts to serve devices. Stopping settles what was received, then closes the sockets with 1001, then Redis. */
export async function startProducerGateway(config: Config, context: Context, logger: Logger): Promise<RunningApp> {
  const { accounts, watch, forwarders } = context;
  await watch.start();
  const stopWatchingExpiry = watchExpiry(accounts);
  let draining = false;
  const forward = (connection: ProducerConnection) => {
    forwarders[connection.shard]?.add(connection);
  };

  const server: GatewayServer = await startGatewayServer<ProducerConnection>({
    ...config,
    portVariable: 'WSS1_PORT',
    path: '/producer',
    // Devices are sent little; one that does not even take its acknowledgements is cut.
    maxBackpressureBytes: 1024 * 1024,
    readiness: readinessProbe(context.readiness, logger),
    metrics: context.metrics,
    logger,
    admit: (request) =>
      admitSocket(request, { ...context, role: 'producer', maxSocketsPerAccount: config.socketsPerAccount }),
    open: (socket, admission) => {
      const { claims, items } = admission;
      const account = accounts.enter(claims.sub, items);
      const session = startSession(claims.sub, config, performance.now());
      const shard = shardOf(claims.sub, config.shards);
      const connection = new ProducerConnection(session, shard, account, claims.sid, expiryOf(claims), socket);
      watch.watchSocket(account, connection, admission);
      return connection;
    },
    receiveText: (connection, text) => {
      if (!draining && receiveReadings(connection, text, config)) forward(connection);
    },
    receiveBinary: (connection) => {
      if (!draining && receiveBinary(connection, config)) forward(connection);
    },
    closed: (connection) => accounts.leave(connection.account, connection),
  }).catch(async (error: unknown) => {
    stopWatchingExpiry();
    await context.close();
    throw error;
  });

  return {
    port: server.port,
    url: server.url,
    stop: async () => {
      server.stopListening();
      draining = true;
      // Without Redis nothing settles; what is not acknowledged stays with the devices.
      await settleWithin(Promise.all(forwarders.map((forwarder) => forwarder.settled())), drainMs);
      await server.closeSockets();
      stopWatchingExpiry();
      server.close();
      await context.close();
    },
  };
}
