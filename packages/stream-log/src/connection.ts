import { Cluster, Command, Redis, type RedisOptions } from 'ioredis';

/** Where Redis is: the URL of one, or of some nodes of a Redis Cluster, which name the others. */
export type RedisAddress = string | { readonly nodes: readonly string[] };

/** One Redis, or a Redis Cluster. No command may touch keys of different shards. */
export type RedisConnection = Redis | Cluster;

interface OpenOptions {
  onError: (error: Error) => void;
  /** A connection on which nothing comes for so long though something was asked is given up for another, in ms. */
  answerWithinMs?: number;
}

/** Long enough for a Redis that is busy; a network that swallows packets would be noticed after a quarter of an hour. */
const defaultAnswerWithinMs = 20_000;

/** How often the nodes of a cluster are asked who has which slots, to notice one that took over for another. */
const lookAtClusterMs = 1_000;

const retryPauseMs = 100;

const patient = {
  maxRetriesPerRequest: null,
  autoResendUnfulfilledCommands: true,
  enableReadyCheck: true,
  connectTimeout: 5_000,
  keepAlive: 10_000,
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

/** Reconnects for ever, some 50 ms after a loss and at most once a second later on. */
export function pauseBeforeReconnecting(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 5), 1_000) * (0.5 + Math.random() / 2);
}

/**
 * Opens a connection to Redis. While Redis, or the node of a cluster that a command belongs to, is away, commands wait
 * and are sent again once it is back, or another node has taken over; so every command given to it must be harmless to
 * repeat. Those of one shard keep their order, except across a failover: who needs an order there waits for one before
 * giving the next. Whoever opens closes.
 */
export function openRedis(
  address: RedisAddress,
  { onError, answerWithinMs = defaultAnswerWithinMs }: OpenOptions,
): RedisConnection {
  const lasting = { ...patient, socketTimeout: answerWithinMs };
  if (typeof address === 'string') {
    const redis = new Redis(address, { ...lasting, retryStrategy: pauseBeforeReconnecting });
    redis.on('error', onError);
    return redis;
  }
  return openCluster(
    address.nodes,
    {
      redisOptions: lasting,
      clusterRetryStrategy: pauseBeforeReconnecting,
      clusterNodeRetryStrategy: pauseBeforeReconnecting,
      maxRedirections: Number.POSITIVE_INFINITY,
      retryDelayOnFailover: retryPauseMs,
      retryDelayOnClusterDown: retryPauseMs,
      retryDelayOnTryAgain: retryPauseMs,
      retryDelayOnMoved: retryPauseMs,
    },
    onError,
  );
}

/**
 * A connection for rate limiters only: its commands fail at once while Redis is away, instead of waiting, so that
 * the limiter falls back to counting in memory. Whoever opens closes.
 */
export function openLimiterRedis(address: RedisAddress, { onError }: OpenOptions): RedisConnection {
  const options = { maxRetriesPerRequest: 0, commandTimeout: 500, connectTimeout: 5_000 } satisfies RedisOptions;
  const retryStrategy = (attempt: number) => Math.min(100 * attempt, 2_000);
  if (typeof address === 'string') {
    const redis = new Redis(address, { ...options, enableOfflineQueue: false, retryStrategy });
    redis.on('error', onError);
    return redis;
  }
  return openCluster(
    address.nodes,
    {
      redisOptions: options,
      clusterRetryStrategy: retryStrategy,
      clusterNodeRetryStrategy: retryStrategy,
      enableOfflineQueue: false,
      maxRedirections: 3,
    },
    onError,
  );
}

/** The masters of a cluster, as far as they are known by now; a Redis that stands alone is its own. */
export function mastersOf(redis: RedisConnection): Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}

/** The slot of a cluster that a key or channel belongs to. */
export function slotOf(key: string): number {
  return new Command('get', [key]).getSlot() ?? 0;
}

/** The master that has a slot, as far as that is known by now. */
export function masterOf(redis: RedisConnection, slot: number): Redis | undefined {
  if (redis instanceof Redis) return redis;
  const address = redis.slots[slot]?.[0];
  return redis.nodes('master').find(({ options }) => `${options.host}:${options.port}` === address);
}

/** All masters; waits until the cluster has told which they are. */
export async function allMasters(redis: RedisConnection): Promise<Redis[]> {
  if (redis instanceof Cluster && redis.status !== 'ready') {
    await new Promise<void>((resolve, reject) => {
      const ready = () => {
        redis.off('end', end);
        resolve();
      };
      const end = () => {
        redis.off('ready', ready);
        reject(new Error('Connection is closed.'));
      };
      redis.once('ready', ready);
      redis.once('end', end);
    });
  }
  return mastersOf(redis);
}

function openCluster(
  nodes: readonly string[],
  options: ConstructorParameters<typeof Cluster>[1],
  onError: (error: Error) => void,
): Cluster {
  const [first] = nodes;
  if (first === undefined) throw new TypeError('expected the address of a node');
  const { username, password, protocol } = new URL(first);
  const cluster = new Cluster([...nodes], {
    slotsRefreshInterval: lookAtClusterMs,
    // A certificate names hosts, while the nodes name each other by addresses.
    ...(protocol === 'rediss:' && { dnsLookup: (host, callback) => callback(null, host) }),
    ...options,
    redisOptions: {
      ...options?.redisOptions,
      // Those of the nodes that were not named here are the same.
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { tls: {} }),
    },
  });
  cluster.on('error', onError);
  cluster.on('node error', onError);
  return cluster;
}
