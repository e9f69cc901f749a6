import { setTimeout as delay } from 'node:timers/promises';
import { type GuardLink, type GuardOptions, openGuard } from './guard-link.ts';
import type { EngineName, EngineSpec } from './guard-protocol.ts';

/** Engines in a data folder of their own, which end when this process does, however it ends. */
export interface GuardedEngines {
  /** Pid of the process that holds the engines. */
  guardPid(): Promise<number>;
  /** Starts an engine and gives its URL, or starts it again at the same one. */
  start(spec: EngineSpec): Promise<string>;
  /** Stops an engine in order; its data stays. */
  stop(engine: EngineName): Promise<void>;
  /** Kills an engine without a chance to write anything. */
  kill(engine: EngineName): Promise<void>;
  /** Stops all engines in order and gives the data folder back. */
  close(): Promise<void>;
}

/** Takes a data folder; at most one process of a machine has it. Throws when another one does. */
export async function guardEngines(options: GuardOptions): Promise<GuardedEngines> {
  /** What runs, each at the port it has. */
  const running = new Map<EngineName, EngineSpec>();
  const closing = new AbortController();
  let guard: Promise<GuardLink> = openGuard(options).then(watch);
  await guard;

  function watch(link: GuardLink): GuardLink {
    void link.gone.then(() => {
      if (closing.signal.aborted || !options.revive) return;
      guard = replace();
      // Only closing makes it give up; whoever asks for the guard meanwhile is told then.
      guard.catch(() => {});
    });
    return link;
  }

  /** A new guard in the place of one that was killed: it stops what that one left running and starts it again. */
  async function replace(): Promise<GuardLink> {
    options.onNote?.('The process that holds PostgreSQL and Redis was killed; starting it again, and them');
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 10_000)) {
      closing.signal.throwIfAborted();
      try {
        const link = await openGuard(options);
        await Promise.all([...running.values()].map((spec) => link.ask({ do: 'start', spec })));
        return watch(link);
      } catch (error) {
        options.onNote?.(error instanceof Error ? error.message : String(error));
        await delay(waitMs, undefined, { signal: closing.signal });
      }
    }
  }

  return {
    guardPid: async () => (await guard).pid,
    async start(spec) {
      const url = await (await guard).ask({ do: 'start', spec });
      if (url === undefined) throw new Error(`the ${spec.engine} started without a URL`);
      running.set(spec.engine, { ...spec, port: Number(new URL(url).port) });
      return url;
    },
    async stop(engine) {
      running.delete(engine);
      await (await guard).ask({ do: 'stop', engine });
    },
    async kill(engine) {
      running.delete(engine);
      await (await guard).ask({ do: 'kill', engine });
    },
    async close() {
      closing.abort();
      await (await guard.catch(() => undefined))?.close();
    },
  };
}
