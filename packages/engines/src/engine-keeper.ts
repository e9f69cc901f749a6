import { setTimeout as delay } from 'node:timers/promises';
import { type Engine, prepareEngine } from './engine-kinds.ts';
import type { EngineProcess } from './engine-process.ts';
import { findFreePort, isPortFree } from './free-port.ts';
import type { EngineName, EngineSpec } from './guard-protocol.ts';

interface Kept {
  readonly engine: Engine;
  /** Chosen on the first start and kept, so that those connected find the engine again after it died. */
  readonly port: number;
  process: EngineProcess | undefined;
  /** Aborted when the engine is to end, so that its end is not taken for a crash. */
  readonly ending: AbortController;
  /** The work of starting it again. */
  reviving: Promise<void>;
}

/** The engines of one data folder, in the process that is their parent. Starts, stops and revives them. */
export class EngineKeeper {
  private readonly kept = new Map<EngineName, Kept>();

  constructor(
    private readonly dataDir: string,
    private readonly revive: boolean,
    private readonly note: (text: string) => void,
  ) {}

  /** Starts an engine and gives its URL. With no port given, one that is free, and the same as before if there was one. */
  async start(spec: EngineSpec): Promise<string> {
    const before = this.kept.get(spec.engine);
    if (before?.process) return before.engine.url(before.port);
    const engine = before?.engine ?? (await prepareEngine(spec, this.dataDir, this.note));
    await engine.stopLeftOver();
    const wantedPort = spec.port ?? before?.port;
    for (let attempt = 0; ; attempt += 1) {
      const port = wantedPort ?? (await findFreePort());
      if (!(await isPortFree(port))) {
        throw new Error(`port ${port} on 127.0.0.1 is in use; set ${engine.portVariable} to another one`);
      }
      try {
        const ending = new AbortController();
        await this.launch(spec.engine, { engine, port, process: undefined, ending, reviving: Promise.resolve() });
        return engine.url(port);
      } catch (error) {
        // Between finding a free port and using it another program may have taken it.
        if (wantedPort !== undefined || attempt === 3 || (await isPortFree(port))) throw error;
      }
    }
  }

  /** Stops an engine in order. Its data and its port stay. */
  async stop(name: EngineName): Promise<void> {
    await this.end(name, (kept, process) => kept.engine.stop(process));
  }

  /** Kills an engine, and leaves it dead. */
  async kill(name: EngineName): Promise<void> {
    await this.end(name, (_, process) => process.kill());
  }

  async stopAll(): Promise<void> {
    await Promise.all([this.stop('redis'), this.stop('postgres')]);
  }

  private async end(name: EngineName, how: (kept: Kept, process: EngineProcess) => Promise<void>): Promise<void> {
    const kept = this.kept.get(name);
    if (!kept) return;
    kept.ending.abort();
    await kept.reviving;
    if (kept.process) await how(kept, kept.process);
    kept.process = undefined;
  }

  private async launch(name: EngineName, kept: Kept): Promise<void> {
    const process = await kept.engine.start(kept.port);
    kept.process = process;
    this.kept.set(name, kept);
    void process.gone.then(() => {
      kept.process = undefined;
      if (this.revive && !kept.ending.signal.aborted) kept.reviving = this.bringBack(name, kept);
    });
  }

  /** Starts an engine again that ended without being asked to, until it is up or no longer wanted. Never throws. */
  private async bringBack(name: EngineName, kept: Kept): Promise<void> {
    const { signal } = kept.ending;
    this.note(`${kept.engine.title} ended unexpectedly; starting it again`);
    for (let waitMs = 100; !signal.aborted; waitMs = Math.min(waitMs * 2, 10_000)) {
      try {
        await this.launch(name, kept);
        this.note(`${kept.engine.title} is back`);
        return;
      } catch (error) {
        this.note(error instanceof Error ? error.message : String(error));
        await delay(waitMs, undefined, { signal }).catch(() => {});
      }
    }
  }
}
