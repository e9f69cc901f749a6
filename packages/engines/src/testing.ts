/** Real engines for tests. Those of a run are started once by `vitest.config.ts`; see `testing-setup.ts`. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { inject } from 'vitest';
import type { EngineSpec } from './guard-protocol.ts';
import { guardEngines } from './guarded-engines.ts';
import { makeTemporaryFolder, redisSpec } from './temporary-engines.ts';

export { findFreePort } from './free-port.ts';
export { type ClusterNode, type PrivateCluster, startPrivateCluster } from './private-cluster.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The migrated database that others are copied from; nothing may stay connected to it. */
    templateDatabaseUrl: string;
    redisUrl: string;
  }
}

export interface TestDatabase {
  /** A database of its own with the current schema and no rows. */
  readonly url: string;
  /** Cuts whoever is connected and removes it. Forgetting it costs disk until the run ends, no more. */
  drop(): Promise<void>;
}

/** Makes a migrated, empty database in some tens of milliseconds. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const template = new URL(inject('templateDatabaseUrl'));
  const templateName = template.pathname.slice(1);
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(template, (sql) => sql`create database ${sql(name)} template ${sql(templateName)}`);
  return {
    url: withDatabase(template, name),
    drop: () => onServer(template, (sql) => sql`drop database if exists ${sql(name)} with (force)`),
  };
}

export interface TestRedis {
  /** The Redis shared by all tests of the run: write nothing outside of `prefix`. */
  readonly url: string;
  /** Prefix no one else uses, for keys and channels. */
  readonly prefix: string;
  /** Removes all keys under the prefix. */
  drop(): Promise<void>;
}

/** A corner of the run's Redis that no one else uses. */
export async function createTestRedis(): Promise<TestRedis> {
  const url = inject('redisUrl');
  const prefix = `t${randomBytes(6).toString('hex')}`;
  return { url, prefix, drop: () => removeKeys(url, prefix) };
}

/** An engine that belongs to one test, which may stop and kill it. */
export interface PrivateEngine {
  readonly url: string;
  /** Stops it in order, keeping its data. */
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again after `stop` or `kill`, with its data, at the same URL. */
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

/** A Redis of one's own, with the same durability as the platform's unless said otherwise. */
export async function startPrivateRedis(
  options: { appendfsync?: 'always' | 'everysec' | 'no'; maxMemoryBytes?: number } = {},
): Promise<PrivateEngine> {
  return startPrivate(redisSpec(options));
}

/** A PostgreSQL of one's own with an empty, not migrated database. Killing it may lose what it had not yet written. */
export async function startPrivatePostgres(options: { durable?: boolean } = {}): Promise<PrivateEngine> {
  return startPrivate({ engine: 'postgres', database: 'motience', durable: options.durable ?? false });
}

/** A database of the same server under another name. */
export function withDatabase(server: URL, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function startPrivate(spec: EngineSpec): Promise<PrivateEngine> {
  const dataDir = await makeTemporaryFolder();
  const engines = await guardEngines({ dataDir, revive: false });
  const url = await engines.start(spec);
  return {
    url,
    stop: () => engines.stop(spec.engine),
    kill: () => engines.kill(spec.engine),
    restart: async () => void (await engines.start(spec)),
    async close() {
      await engines.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function onServer(server: URL, statement: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(withDatabase(server, 'postgres'), { max: 1, onnotice: () => {} });
  try {
    await statement(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function removeKeys(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url);
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
      if (keys.length > 0) await redis.unlink(...keys);
    }
  } finally {
    redis.disconnect();
  }
}
