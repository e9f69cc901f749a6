import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type EngineName, type EngineSpec, type GuardCall, guardMessageSchema } from './guard-protocol.ts';
import { processIdentity } from './process-identity.ts';

/** Engines in a data folder of their own, which end when this process does, however it ends. */
export interface GuardedEngines {
  /** Pid of the process that holds the engines. */
  readonly guardPid: number;
  /** Starts an engine and gives its URL, or starts it again at the same one. */
  start(spec: EngineSpec): Promise<string>;
  /** Stops an engine in order; its data stays. */
  stop(engine: EngineName): Promise<void>;
  /** Kills an engine without a chance to write anything. */
  kill(engine: EngineName): Promise<void>;
  /** Stops all engines in order and gives the data folder back. */
  close(): Promise<void>;
}

export interface GuardOptions {
  dataDir: string;
  /** Starts an engine again that ended without being asked to. */
  revive: boolean;
  /** Told in words what happened to an engine. */
  onNote?: (text: string) => void;
}

// Works from src (under vitest) and from dist alike: the guard always runs compiled.
const guardFile = fileURLToPath(new URL('../dist/guard.js', import.meta.url));

/** Takes a data folder; at most one process of a machine has it. Throws when another one does. */
export async function guardEngines({ dataDir, revive, onNote }: GuardOptions): Promise<GuardedEngines> {
  // Detached, so that Ctrl-C in a terminal reaches us and not the engines under those who still write to them.
  const guard = fork(guardFile, [], { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [] });
  const gone = once(guard, 'exit');
  const waiting = new Map<number, { resolve: (result: string | undefined) => void; reject: (error: Error) => void }>();
  let lastId = 0;

  guard.on('message', (raw) => {
    const message = guardMessageSchema.parse(raw);
    if (message.type === 'note') return onNote?.(message.text);
    const caller = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.type === 'done') caller?.resolve(message.result);
    else caller?.reject(new Error(message.reason));
  });
  guard.on('exit', () => {
    for (const caller of waiting.values()) caller.reject(new Error('the process that holds the engines has ended'));
    waiting.clear();
  });

  const ask = (call: GuardCall) =>
    new Promise<string | undefined>((resolve, reject) => {
      lastId += 1;
      const id = lastId;
      waiting.set(id, { resolve, reject });
      guard.send({ id, call }, (error) => {
        if (error && waiting.delete(id)) reject(error);
      });
    });

  const close = async () => {
    if (guard.connected) guard.disconnect();
    await gone;
  };

  try {
    const owner = processIdentity(process.pid) ?? String(process.pid);
    await ask({ do: 'open', dataDir, owner, revive });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    guardPid: guard.pid ?? 0,
    async start(spec) {
      const url = await ask({ do: 'start', spec });
      if (url === undefined) throw new Error(`the ${spec.engine} started without a URL`);
      return url;
    },
    stop: async (engine) => void (await ask({ do: 'stop', engine })),
    kill: async (engine) => void (await ask({ do: 'kill', engine })),
    close,
  };
}
