import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type EngineProcess, lastLines, startEngineProcess } from './engine-process.ts';
import { endLeftOver } from './process-identity.ts';
import { waitFor } from './wait.ts';

export interface PrivateRedisOptions {
  /** The program to run. */
  command: string;
  /** Folder for its data, configuration and log. */
  dir: string;
  port: number;
  password: string;
  /** `always` is what makes an acknowledged reading durable. */
  appendfsync: 'always' | 'everysec' | 'no';
  maxMemoryBytes: number;
  /** A node of a Redis Cluster, whose nodes talk to each other on this port. */
  clusterPort?: number | undefined;
}

/** Loading a large log takes long; a start that takes longer than this is taken as failed. */
const startTimeoutMs = 120_000;

/**
 * Starts a Redis that only this machine can reach and resolves once it serves. Its log of writes is on and it refuses
 * writes rather than forget something when memory is used up.
 */
export async function startRedis(options: PrivateRedisOptions): Promise<EngineProcess> {
  const { dir, port, password } = options;
  await mkdir(dir, { recursive: true });
  await chmod(dir, 0o700);
  const configFile = join(dir, 'redis.conf');
  await writeFile(configFile, configText(options), { mode: 0o600 });
  const logFile = join(dir, 'redis.log');
  const redis = await startEngineProcess(options.command, [configFile], logFile, { cwd: dir });
  let ended = false;
  void redis.gone.then(() => {
    ended = true;
  });
  const ready = await waitFor(async () => ended || (await answers(port, password)), startTimeoutMs);
  if (ended || ready === undefined) {
    await redis.kill();
    throw new Error(`Redis did not start on port ${port}:\n${lastLines(logFile)}`);
  }
  return redis;
}

/** Stops a running Redis: it flushes its log first. Resolves once it is gone. */
export const stopRedis = (redis: EngineProcess): Promise<void> => redis.stop('SIGTERM', 15_000);

/** Stops the Redis that a killed guard left running on this folder, so that there are never two on one. */
export async function stopLeftOverRedis(dir: string): Promise<void> {
  const pid = Number.parseInt(await readFile(join(dir, 'redis.pid'), 'utf8').catch(() => ''), 10);
  if (Number.isInteger(pid)) await endLeftOver(pid, join(dir, 'redis.conf'), 'SIGTERM', 15_000);
}

/** Whether a Redis with this password serves on `port` of 127.0.0.1. */
async function answers(port: number, password: string): Promise<boolean> {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    password,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    connectTimeout: 2_000,
  });
  redis.on('error', () => {});
  try {
    await redis.connect();
    return (await redis.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

function configText({ dir, port, password, appendfsync, maxMemoryBytes, clusterPort }: PrivateRedisOptions): string {
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    'protected-mode yes',
    `requirepass ${password}`,
    'daemonize no',
    `dir ${JSON.stringify(dir)}`,
    `pidfile ${JSON.stringify(join(dir, 'redis.pid'))}`,
    // Lets a left-over process be told from another Redis.
    'proc-title-template "{title} {listen-addr} {config-file}"',
    // The log of writes is the only copy: snapshots would cost a fork of all memory and add nothing.
    'save ""',
    'appendonly yes',
    `appendfsync ${appendfsync}`,
    `maxmemory ${maxMemoryBytes}`,
    'maxmemory-policy noeviction',
    // Room for a gateway that is behind for a moment; cut off, it would have to close all its sockets.
    'client-output-buffer-limit pubsub 256mb 128mb 30',
    ...(clusterPort === undefined ? [] : clusterLines(clusterPort, password)),
  ];
  return `${lines.join('\n')}\n`;
}

function clusterLines(clusterPort: number, password: string): string[] {
  return [
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    `cluster-port ${clusterPort}`,
    'cluster-node-timeout 1500',
    // While one master is away the others go on.
    'cluster-require-full-coverage no',
    `masterauth ${password}`,
  ];
}
