import { totalmem } from 'node:os';
import { checkPostgres } from './check-postgres.ts';
import { findClusterProblems, findRedisProblems } from './check-redis.ts';
import type { EngineSpec } from './guard-protocol.ts';
import { type GuardedEngines, guardEngines } from './guarded-engines.ts';
import { ensureRedis, type InstallOptions } from './install-redis.ts';

/** An engine that someone else runs. */
interface ExternalEngine {
  readonly url: string;
}

/** A Redis that someone else runs, or some nodes of a Redis Cluster, which name the others. */
interface ExternalRedis {
  readonly urls: readonly string[];
  readonly isCluster: boolean;
}

interface PrivatePostgres {
  /** A free one when left out. */
  readonly port?: number | undefined;
}

interface PrivateRedis {
  readonly port?: number | undefined;
  /** With anything but `always`, a crash of the machine can take readings that were acknowledged. */
  readonly appendfsync: 'always' | 'everysec' | 'no';
  /** A quarter of the machine's memory when left out, between 128 MiB and 2 GiB. */
  readonly maxMemoryBytes?: number | undefined;
}

export interface EngineOptions extends InstallOptions {
  /** Where private engines keep their data; made if missing. */
  dataDir: string;
  postgres: ExternalEngine | PrivatePostgres;
  redis: ExternalRedis | PrivateRedis;
  /** Refuses a Redis that could lose readings, instead of warning. */
  production: boolean;
}

export interface Engines {
  readonly databaseUrl: string;
  /** Undefined for a cluster. */
  readonly redisUrl: string | undefined;
  /** Stops the private ones in order and leaves the others alone. */
  close(): Promise<void>;
}

/**
 * Starts private engines and checks those of others. Throws with a message for the reader; what was started until then
 * is stopped. Private engines end when this process does, however it ends.
 */
export async function startEngines(options: EngineOptions): Promise<Engines> {
  const { postgres, redis, dataDir, onProgress } = options;
  let guard: Promise<GuardedEngines> | undefined;
  const start = async (spec: EngineSpec) => {
    guard ??= guardEngines({ dataDir, revive: true, onNote: onProgress });
    return (await guard).start(spec);
  };
  const close = async () => {
    const engines = await guard?.catch(() => undefined);
    await engines?.close();
  };
  // Before anything runs: it may take long, ask, or fail.
  const openRedis = 'urls' in redis ? () => useRedis(redis, options) : await preparePrivateRedis(redis, options, start);
  const openPostgres = 'url' in postgres ? () => usePostgres(postgres.url) : () => start(postgresSpec(postgres));

  const [databaseUrl, redisUrl] = await Promise.allSettled([openPostgres(), openRedis()]);
  if (databaseUrl.status === 'fulfilled' && redisUrl.status === 'fulfilled') {
    return { databaseUrl: databaseUrl.value, redisUrl: redisUrl.value, close };
  }
  await close();
  throw [databaseUrl, redisUrl].find((result) => result.status === 'rejected')?.reason;
}

async function preparePrivateRedis(
  { port, appendfsync, maxMemoryBytes }: PrivateRedis,
  options: EngineOptions,
  start: (spec: EngineSpec) => Promise<string>,
): Promise<() => Promise<string | undefined>> {
  const { command } = await ensureRedis(options);
  const memory = maxMemoryBytes ?? defaultRedisMemory(totalmem());
  return () => start({ engine: 'redis', command, port, appendfsync, maxMemoryBytes: memory });
}

const postgresSpec = ({ port }: PrivatePostgres): EngineSpec => ({
  engine: 'postgres',
  database: 'motience',
  durable: true,
  port,
});

async function usePostgres(url: string): Promise<string> {
  await checkPostgres(url);
  return url;
}

async function useRedis(
  { urls, isCluster }: ExternalRedis,
  { production, onProgress }: EngineOptions,
): Promise<string | undefined> {
  const problems = isCluster ? await findClusterProblems(urls) : await findRedisProblems(urls[0] ?? '');
  if (production && problems.length > 0) {
    throw new Error(`${isCluster ? 'REDIS_CLUSTER_NODES' : 'REDIS_URL'}: ${problems.join('; ')}`);
  }
  for (const problem of problems) onProgress(`Warning: ${problem}`);
  return isCluster ? undefined : urls[0];
}

function defaultRedisMemory(machineBytes: number): number {
  const mebibyte = 1024 * 1024;
  return Math.round(Math.min(Math.max(machineBytes / 4, 128 * mebibyte), 2048 * mebibyte));
}
