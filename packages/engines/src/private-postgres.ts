import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import { type EngineProcess, lastLines, startEngineProcess } from './engine-process.ts';
import type { RunAs } from './postgres-binaries.ts';
import { endLeftOver, processCommand } from './process-identity.ts';
import { waitFor } from './wait.ts';

export interface PrivatePostgresOptions {
  /** Folder with `bin/postgres` and `bin/initdb`. */
  binaries: string;
  runAs: RunAs | undefined;
  /** Folder for the database cluster and the log; `runAs` must be able to reach it. */
  dir: string;
  port: number;
  password: string;
  /** The database that exists once started. */
  database: string;
  /** Waits for the disk before a commit counts. Only tests do without. */
  durable: boolean;
}

const postgresUser = 'motience';
const startTimeoutMs = 120_000;

/**
 * Starts a PostgreSQL that only this machine can reach, after making its cluster on the first call, and resolves once
 * it serves and `database` exists.
 */
export async function startPostgres(options: PrivatePostgresOptions): Promise<EngineProcess> {
  const { dir, runAs } = options;
  await mkdir(dir, { recursive: true });
  // Root's PostgreSQL runs as another account, which has to pass through here.
  await chmod(dir, runAs ? 0o711 : 0o700);
  const clusterDir = join(dir, 'cluster');
  if (!existsSync(join(clusterDir, 'PG_VERSION'))) await createCluster(options, clusterDir);
  await removeStalePidFile(clusterDir);
  // Of a server that was killed, the last processes may hold the shared memory for a moment longer.
  const deadline = performance.now() + 15_000;
  for (;;) {
    try {
      return await startServer(options, clusterDir);
    } catch (error) {
      const leftOver = error instanceof Error && error.message.includes('shared memory block');
      if (!leftOver || performance.now() > deadline) throw error;
      await delay(200);
    }
  }
}

async function startServer(options: PrivatePostgresOptions, clusterDir: string): Promise<EngineProcess> {
  const { dir, port, binaries, runAs } = options;
  const logFile = join(dir, 'postgres.log');
  const args = ['-D', clusterDir, ...settings(options).flatMap((setting) => ['-c', setting])];
  const server = await startEngineProcess(join(binaries, 'bin', 'postgres'), args, logFile, { cwd: '/', ...runAs });
  let ended = false;
  void server.gone.then(() => {
    ended = true;
  });
  try {
    const ready = await waitFor(async () => ended || (await ensureDatabase(options)), startTimeoutMs);
    if (ended || ready === undefined)
      throw new Error(`PostgreSQL did not start on port ${port}:\n${lastLines(logFile)}`);
    return server;
  } catch (error) {
    await server.kill();
    throw error;
  }
}

/** Stops a running PostgreSQL with its fast shutdown: connections are cut, nothing committed is lost. */
export const stopPostgres = (server: EngineProcess): Promise<void> => server.stop('SIGINT', 30_000);

/** The URL of a database of this PostgreSQL. */
export const postgresUrl = (port: number, password: string, database: string): string =>
  `postgres://${postgresUser}:${password}@127.0.0.1:${port}/${database}`;

function settings({ port, durable }: PrivatePostgresOptions): string[] {
  return [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=300',
    // A refused statement is the caller's to log; here it would only grow the file.
    'log_min_messages=log',
    'log_checkpoints=off',
    ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off']),
  ];
}

async function createCluster({ binaries, runAs, password, dir, durable }: PrivatePostgresOptions, clusterDir: string) {
  // Made aside and renamed, so that an initdb that was cut short never looks like a cluster.
  const unfinished = join(dir, 'cluster.unfinished');
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  const passwordFile = join(dir, `initdb.${randomBytes(6).toString('hex')}`);
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (runAs) {
    await chown(unfinished, runAs.uid, runAs.gid);
    await chown(passwordFile, runAs.uid, runAs.gid);
  }
  try {
    const args = [
      `--pgdata=${unfinished}`,
      `--username=${postgresUser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // Sorts and folds case alike on every machine, whatever locales it has installed.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      ...(durable ? [] : ['--no-sync']),
    ];
    const initdb = spawn(join(binaries, 'bin', 'initdb'), args, {
      cwd: '/',
      ...runAs,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let problem = '';
    initdb.stderr.setEncoding('utf8').on('data', (text: string) => {
      problem = (problem + text).slice(-2_000);
    });
    const [code] = await once(initdb, 'close');
    if (code !== 0) throw new Error(`PostgreSQL's initdb failed:\n${problem.trim()}`);
    await rename(unfinished, clusterDir);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/**
 * Removes the pid file of a PostgreSQL that was killed when its pid now belongs to another program: PostgreSQL itself
 * would take that one for a second server on its data and refuse to start.
 */
async function removeStalePidFile(clusterDir: string): Promise<void> {
  const file = join(clusterDir, 'postmaster.pid');
  const pid = await postmasterPid(clusterDir);
  if (pid === undefined) return;
  if (!processCommand(pid)?.includes(clusterDir)) await rm(file, { force: true });
}

/** The pid in the cluster's pid file, whether or not that process still runs. */
async function postmasterPid(clusterDir: string): Promise<number | undefined> {
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isInteger(pid) ? pid : undefined;
}

/** Whether PostgreSQL serves and has the database; makes the database if it is missing. */
async function ensureDatabase({ port, password, database }: PrivatePostgresOptions): Promise<boolean> {
  const sql = postgres(postgresUrl(port, password, 'postgres'), { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    const found = await sql`select 1 from pg_database where datname = ${database}`;
    if (found.length === 0) await sql`create database ${sql(database)}`;
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '28P01') throw error;
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Stops the PostgreSQL that a killed guard left running on this folder, so that there are never two on one. */
export async function stopLeftOverPostgres(dir: string): Promise<void> {
  const clusterDir = join(dir, 'cluster');
  const pid = await postmasterPid(clusterDir);
  if (pid !== undefined) await endLeftOver(pid, clusterDir, 'SIGINT', 30_000);
}
