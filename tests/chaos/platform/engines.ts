import { execFileSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { type GuardedEngines, guardEngines } from '../../../packages/engines/dist/guarded-engines.js';
import { makeTemporaryFolder, redisSpec } from '../../../packages/engines/dist/temporary-engines.js';

const specs = {
  redis: redisSpec({ appendfsync: 'always' }),
  postgres: { engine: 'postgres', database: 'motience', durable: true },
} as const;

/** A PostgreSQL and a Redis as durable as the platform's own, to be killed and frozen. */
export class EnginesUnderChaos {
  /** Ids of processes that are frozen, by engine. */
  private readonly frozen = { redis: new Set<number>(), postgres: new Set<number>() };
  private readonly busy = { redis: false, postgres: false };

  private constructor(
    private readonly dataDir: string,
    private readonly engines: GuardedEngines,
    readonly urls: { redis: string; postgres: string },
  ) {}

  static async start(): Promise<EnginesUnderChaos> {
    const dataDir = await makeTemporaryFolder();
    const engines = await guardEngines({ dataDir, revive: false });
    const [redis, postgres] = await Promise.all([engines.start(specs.redis), engines.start(specs.postgres)]);
    return new EnginesUnderChaos(dataDir, engines, { redis, postgres });
  }

  /** `kill -9`, and a new start, at the same address, after `downMs`. Does nothing while one is under way. */
  async kill(engine: 'redis' | 'postgres', downMs: number): Promise<void> {
    if (this.busy[engine]) return;
    this.busy[engine] = true;
    try {
      await this.engines.kill(engine);
      // What PostgreSQL left running would keep its memory, and so its successor from starting.
      this.thaw(engine);
      await new Promise((resolve) => setTimeout(resolve, downMs));
      await this.engines.start(specs[engine]);
    } finally {
      this.busy[engine] = false;
    }
  }

  /** Stops an engine, all its processes, in its tracks for a while. */
  async freeze(engine: 'redis' | 'postgres', forMs: number): Promise<void> {
    if (this.busy[engine]) return;
    const pid = await this.pidOf(engine);
    if (pid === undefined) return;
    // The parent first: it starts no further ones then.
    for (const id of [pid, ...childrenOf(pid)]) if (signal(id, 'SIGSTOP')) this.frozen[engine].add(id);
    await new Promise((resolve) => setTimeout(resolve, forMs));
    this.thaw(engine);
  }

  async versions(): Promise<{ redis: string; postgres: string }> {
    const redis = new Redis(this.urls.redis);
    const sql = postgres(this.urls.postgres, { max: 1 });
    try {
      const [row] = await sql<{ server_version: string }[]>`show server_version`;
      const [, version = 'unknown'] = /redis_version:(\S+)/.exec(await redis.info('server')) ?? [];
      return { redis: version, postgres: row?.server_version ?? 'unknown' };
    } finally {
      redis.disconnect();
      await sql.end();
    }
  }

  async close(): Promise<void> {
    this.thaw('redis');
    this.thaw('postgres');
    await this.engines.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  private thaw(engine: 'redis' | 'postgres'): void {
    for (const id of this.frozen[engine]) signal(id, 'SIGCONT');
    this.frozen[engine].clear();
  }

  private async pidOf(engine: 'redis' | 'postgres'): Promise<number | undefined> {
    const file = engine === 'redis' ? 'redis/redis.pid' : 'postgres/cluster/postmaster.pid';
    const pid = Number.parseInt(await readFile(join(this.dataDir, file), 'utf8').catch(() => ''), 10);
    return Number.isInteger(pid) ? pid : undefined;
  }
}

function childrenOf(pid: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split('\n');
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([id, parent]) => (parent === pid && id !== undefined ? [id] : []));
}

/** Whether the process was there to be told. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
