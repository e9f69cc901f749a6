import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { type GuardedEngines, guardEngines } from '../../../packages/engines/dist/guarded-engines.js';
import { type ClusterNode, startPrivateCluster } from '../../../packages/engines/dist/private-cluster.js';
import { makeTemporaryFolder, redisSpec } from '../../../packages/engines/dist/temporary-engines.js';
import { BreakableEngine, type EngineControls } from './breakable-engine.ts';
import { ProcessGroup } from './process-group.ts';

const specs = {
  redis: redisSpec({ appendfsync: 'always' }),
  postgres: { engine: 'postgres', database: 'motience', durable: true },
} as const;

/** Where Redis is: one of them, or a cluster, whose nodes tell their addresses themselves. */
type RedisPlace = { url: string } | { clusterNodes: string; password: string };

/** A PostgreSQL, and a Redis or a cluster of three, as durable as the platform's own, to be broken. */
export interface EnginesUnderChaos {
  readonly postgresUrl: string;
  readonly redis: RedisPlace;
  /** Of every Redis. */
  readonly redisUrls: readonly string[];
  readonly breakable: readonly BreakableEngine[];
  /** Stops them and removes their data. Nothing may be frozen. */
  close(): Promise<void>;
}

export async function startEngines({ cluster }: { cluster: boolean }): Promise<EnginesUnderChaos> {
  const dataDir = await makeTemporaryFolder();
  const engines = await guardEngines({ dataDir, revive: false });
  const closeOwn = async () => {
    await engines.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  const breakable = (name: 'redis' | 'postgres') =>
    new BreakableEngine(name, controlsOf(name, engines, join(dataDir, pidFiles[name])));
  try {
    const postgresUrl = await engines.start(specs.postgres);
    if (!cluster) {
      const url = await engines.start(specs.redis);
      const both = [breakable('redis'), breakable('postgres')];
      return { postgresUrl, redis: { url }, redisUrls: [url], breakable: both, close: closeOwn };
    }
    const { masters, addresses, password, close } = await startPrivateCluster();
    return {
      postgresUrl,
      redis: { clusterNodes: addresses, password },
      redisUrls: masters.map(({ url }) => url),
      breakable: [...masters.map(nodeOfCluster), breakable('postgres')],
      close: async () => void (await Promise.all([close(), closeOwn()])),
    };
  } catch (error) {
    await closeOwn();
    throw error;
  }
}

/** Versions of the engines. */
export async function versionsOf({ redisUrls, postgresUrl }: EnginesUnderChaos) {
  const redis = new Redis(redisUrls[0] ?? '');
  const sql = postgres(postgresUrl, { max: 1 });
  try {
    const [row] = await sql<{ server_version: string }[]>`show server_version`;
    const [, version = 'unknown'] = /redis_version:(\S+)/.exec(await redis.info('server')) ?? [];
    const masters = redisUrls.length > 1 ? `, ${redisUrls.length} masters` : '';
    return { redis: version + masters, postgres: row?.server_version ?? 'unknown' };
  } finally {
    redis.disconnect();
    await sql.end();
  }
}

/** A node tells its address itself, so no link leads to it; instead it is asked to cut connections. */
function nodeOfCluster(node: ClusterNode, at: number): BreakableEngine {
  const cut = async () => {
    const redis = new Redis(node.url, { maxRetriesPerRequest: 0, commandTimeout: 1_000, retryStrategy: () => null });
    redis.on('error', () => {});
    try {
      for (const type of ['normal', 'pubsub']) await redis.call('CLIENT', 'KILL', 'TYPE', type);
    } finally {
      redis.disconnect();
    }
  };
  return new BreakableEngine(`redis-${at + 1}`, {
    cut,
    kill: () => node.kill(),
    restart: () => node.restart(),
    // The node may be gone by then.
    pause: () => node.pause().catch(() => {}),
    resume: () => node.resume().catch(() => {}),
  });
}

const pidFiles = { redis: 'redis/redis.pid', postgres: 'postgres/cluster/postmaster.pid' };

function controlsOf(name: 'redis' | 'postgres', engines: GuardedEngines, pidFile: string): EngineControls {
  const group = new ProcessGroup();
  return {
    kill: () => engines.kill(name),
    restart: async () => void (await engines.start(specs[name])),
    async pause() {
      const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
      if (Number.isInteger(pid)) group.pause(pid);
    },
    resume: async () => group.resume(),
  };
}
