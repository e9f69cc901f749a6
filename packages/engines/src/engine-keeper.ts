import { createHash } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineProcess } from './engine-process.ts';
import { findFreePort, isPortFree } from './free-port.ts';
import type { EngineName, EngineSpec, PostgresSpec, RedisSpec } from './guard-protocol.ts';
import { findRunAs, mayEnter, systemFolder, usableBinaries } from './postgres-binaries.ts';
import { postgresUrl, startPostgres, stopLeftOverPostgres, stopPostgres } from './private-postgres.ts';
import { startRedis, stopLeftOverRedis, stopRedis } from './private-redis.ts';
import { readOrCreateSecret } from './secret-file.ts';

interface Running {
  readonly process: EngineProcess;
  readonly url: string;
  stop(): Promise<void>;
}

interface Kept {
  running: Running | undefined;
  /** Chosen on the first start and kept, so that those connected find the engine again after it died. */
  port: number;
  /** Cleared when the engine is to end, so that its end is not taken for a crash. */
  wanted: boolean;
}

/** The engines of one data folder, in the process that is their parent. Starts, stops and revives them. */
export class EngineKeeper {
  private readonly kept = new Map<EngineName, Kept>();

  constructor(
    private readonly dataDir: string,
    private readonly revive: boolean,
    private readonly note: (text: string) => void,
  ) {}

  /** Starts an engine and gives its URL. With no port given, one that is free. */
  async start(spec: EngineSpec): Promise<string> {
    const before = this.kept.get(spec.engine);
    if (before?.running) return before.running.url;
    const port = spec.port ?? before?.port;
    if (port !== undefined && !(await isPortFree(port))) throw new Error(`port ${port} is in use`);
    const kept: Kept = { running: undefined, port: port ?? (await findFreePort()), wanted: true };
    this.kept.set(spec.engine, kept);
    return (await this.launch(spec, kept)).url;
  }

  async stop(engine: EngineName): Promise<void> {
    const kept = this.kept.get(engine);
    if (!kept) return;
    kept.wanted = false;
    await kept.running?.stop();
    kept.running = undefined;
  }

  async kill(engine: EngineName): Promise<void> {
    const kept = this.kept.get(engine);
    if (!kept) return;
    kept.wanted = false;
    await kept.running?.process.kill();
    kept.running = undefined;
  }

  /** Stops all engines at once, each in its own orderly way. */
  async stopAll(): Promise<void> {
    await Promise.all([this.stop('redis'), this.stop('postgres')]);
  }

  private async launch(spec: EngineSpec, kept: Kept): Promise<Running> {
    const running = await (spec.engine === 'redis'
      ? this.launchRedis(spec, kept.port)
      : this.launchPostgres(spec, kept.port));
    kept.running = running;
    if (!kept.wanted) await running.stop();
    void running.process.gone.then(() => this.onGone(spec, kept));
    return running;
  }

  private async onGone(spec: EngineSpec, kept: Kept): Promise<void> {
    kept.running = undefined;
    const title = spec.engine === 'redis' ? 'Redis' : 'PostgreSQL';
    for (let attempt = 0; kept.wanted && this.revive; attempt += 1) {
      this.note(`${title} ended unexpectedly; starting it again`);
      await delay(Math.min(100 * 2 ** attempt, 10_000));
      if (!kept.wanted) return;
      try {
        await this.launch(spec, kept);
        this.note(`${title} is back`);
        return;
      } catch (error) {
        this.note(error instanceof Error ? error.message : String(error));
      }
    }
  }

  private async launchRedis(spec: RedisSpec, port: number): Promise<Running> {
    const dir = join(this.dataDir, 'redis');
    await stopLeftOverRedis(dir);
    const password = await readOrCreateSecret(join(this.dataDir, 'redis.password'));
    const process = await startRedis({ ...spec, dir, port, password });
    return { process, url: `redis://:${password}@127.0.0.1:${port}/0`, stop: () => stopRedis(process) };
  }

  private async launchPostgres(spec: PostgresSpec, port: number): Promise<Running> {
    const runAs = findRunAs();
    const binaries = await usableBinaries(runAs);
    let base = this.dataDir;
    if (runAs && !mayEnter(base, runAs)) {
      // Under /root, for one: the account may not pass, and opening that folder is not ours to do.
      base = join(systemFolder, createHash('sha256').update(this.dataDir).digest('hex').slice(0, 12));
      await mkdir(base, { recursive: true });
      await chmod(systemFolder, 0o755);
      await chmod(base, 0o711);
      this.note(`PostgreSQL keeps its data in ${base}, because its account may not enter ${this.dataDir}`);
    }
    const dir = join(base, 'postgres');
    await stopLeftOverPostgres(dir);
    const password = await readOrCreateSecret(join(base, 'postgres.password'));
    const process = await startPostgres({ ...spec, binaries, runAs, dir, port, password });
    return { process, url: postgresUrl(port, password, spec.database), stop: () => stopPostgres(process) };
  }
}
