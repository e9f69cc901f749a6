import { createHash } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineProcess } from './engine-process.ts';
import type { EngineSpec, PostgresSpec, RedisSpec } from './guard-protocol.ts';
import { findRunAs, mayEnter, systemFolder, usableBinaries } from './postgres-binaries.ts';
import { postgresUrl, startPostgres, stopLeftOverPostgres, stopPostgres } from './private-postgres.ts';
import { startRedis, stopLeftOverRedis, stopRedis } from './private-redis.ts';
import { readOrCreateSecret } from './secret-file.ts';

/** What keeping an engine takes, whichever it is. */
export interface Engine {
  readonly title: string;
  /** The variable that sets its port. */
  readonly portVariable: string;
  url(port: number): string;
  /** Stops the one a killed guard left running on the same data. */
  stopLeftOver(): Promise<void>;
  /** Resolves once it serves. */
  start(port: number): Promise<EngineProcess>;
  /** Stops it in order; resolves once it is gone. */
  stop(process: EngineProcess): Promise<void>;
}

/** The engine of a data folder, not yet running. `note` is told what the reader would not expect. */
export async function prepareEngine(spec: EngineSpec, dataDir: string, note: (text: string) => void): Promise<Engine> {
  return spec.engine === 'redis' ? prepareRedis(spec, dataDir) : preparePostgres(spec, dataDir, note);
}

async function prepareRedis(spec: RedisSpec, dataDir: string): Promise<Engine> {
  const dir = join(dataDir, 'redis');
  const password = await readOrCreateSecret(join(dataDir, 'redis.password'));
  return {
    title: 'Redis',
    portVariable: 'REDIS_PORT',
    url: (port) => `redis://:${password}@127.0.0.1:${port}/0`,
    stopLeftOver: () => stopLeftOverRedis(dir),
    start: (port) => startRedis({ ...spec, dir, port, password }),
    stop: stopRedis,
  };
}

async function preparePostgres(spec: PostgresSpec, dataDir: string, note: (text: string) => void): Promise<Engine> {
  const runAs = findRunAs();
  const binaries = await usableBinaries(runAs);
  let base = dataDir;
  if (runAs && !mayEnter(base, runAs)) {
    // Under /root, for one: the account may not pass, and opening that folder is not ours to do.
    base = join(systemFolder, createHash('sha256').update(dataDir).digest('hex').slice(0, 12));
    await mkdir(base, { recursive: true });
    await chmod(systemFolder, 0o755);
    await chmod(base, 0o711);
    note(`PostgreSQL keeps its data in ${base}, because its account may not enter ${dataDir}`);
  }
  const dir = join(base, 'postgres');
  const password = await readOrCreateSecret(join(base, 'postgres.password'));
  return {
    title: 'PostgreSQL',
    portVariable: 'DB_PORT',
    url: (port) => postgresUrl(port, password, spec.database),
    stopLeftOver: () => stopLeftOverPostgres(dir),
    start: (port) => startPostgres({ ...spec, binaries, runAs, dir, port, password }),
    stop: stopPostgres,
  };
}
