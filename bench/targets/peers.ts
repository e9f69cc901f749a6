import type { DialectName } from '../load/dialects.ts';
import type { Endpoint } from '../load/plan.ts';
import { startPeerRedis } from './private-engines.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import type { Market, RunningTarget, Sockets, Target } from './target.ts';

interface Peer {
  name: string;
  title: string;
  about: string;
  /** Whether a process of its own for each of the two sockets, and Redis between them. */
  overRedis: boolean;
  dialects: { producer: DialectName; consumer: DialectName };
  /** Before the query, of each socket. */
  paths: { producer: string; consumer: string };
}

const plain = {
  dialects: { producer: 'plain-producer', consumer: 'plain-consumer' },
  paths: { producer: '/producer?', consumer: '/consumer?' },
} as const;
const engineIo = '/socket.io/?EIO=4&transport=websocket&';

export const bareRelay = peer({
  name: 'bare-relay',
  title: 'bare relay',
  about: 'uWebSockets.js → PUBLISH → app.publish, ioredis auto-pipelining; no guarantee at all',
  overRedis: true,
  ...plain,
});
export const plainWs = peer({
  name: 'plain-ws',
  title: 'plain way',
  about: 'ws, JSON, one PUBLISH per reading, one ws.send per consumer; no guarantee at all',
  overRedis: true,
  ...plain,
});
export const socketIo = peer({
  name: 'socket-io',
  title: 'Socket.IO',
  about: 'Socket.IO with its Redis adapter, WebSocket only; no guarantee at all',
  overRedis: true,
  dialects: { producer: 'socket-io', consumer: 'socket-io' },
  paths: { producer: engineIo, consumer: engineIo },
});
export const uwsAlone = peer({
  name: 'ceiling',
  title: 'load’s ceiling',
  about:
    'one process of uWebSockets.js that publishes what it gets, without Redis: what the load generator can do at most',
  overRedis: false,
  ...plain,
});

/** A server of `bench/servers`, as one process, or as two with a Redis between them. */
function peer(about: Peer): Target {
  return {
    ...about,
    missing: () => undefined,
    start: ({ market }) => startPeer(about, market),
  };
}

async function startPeer(peer: Peer, market: Market): Promise<RunningTarget> {
  const script = peer.overRedis ? peer.name : 'uws-alone';
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.reverse()) await each();
  };
  const start = async (environment: Record<string, string>) => {
    const server = await startServer(script, environment);
    stops.push(() => server.stop());
    return server;
  };
  try {
    let servers: { producer: ServerProcess; consumer: ServerProcess };
    if (peer.overRedis) {
      const redis = await startPeerRedis();
      stops.push(() => redis.stop());
      servers = {
        producer: await start({ ROLE: 'producer', REDIS_URL: redis.url }),
        consumer: await start({ ROLE: 'consumer', REDIS_URL: redis.url }),
      };
    } else {
      const server = await start({});
      servers = { producer: server, consumer: server };
    }
    return {
      name: peer.name,
      sockets: socketsOf(peer, market, servers),
      consumerServerPid: servers.consumer.pid,
      settle: async () => {},
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function socketsOf(
  { dialects, paths }: Peer,
  market: Market,
  servers: { producer: ServerProcess; consumer: ServerProcess },
): Sockets {
  const endpoint = (role: 'producer' | 'consumer', ids: readonly number[]): Endpoint => ({
    port: servers[role].port,
    path: `${paths[role]}ids=${ids.join(',')}`,
    dialect: dialects[role],
  });
  return {
    producers: Array.from({ length: market.producers }, (_, id) => endpoint('producer', [id])),
    consumers: market.subscriptions.map((ids) => endpoint('consumer', ids)),
  };
}
