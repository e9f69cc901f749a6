import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type GuardCall, guardMessageSchema } from './guard-protocol.ts';
import { processIdentity } from './process-identity.ts';

/** One life of a guard, seen from its parent. */
export interface GuardLink {
  readonly pid: number;
  /** Resolves once the guard has ended, however. */
  readonly gone: Promise<void>;
  /** Throws with the guard's reason, or when it ends before it has answered. */
  ask(call: GuardCall): Promise<string | undefined>;
  /** Has the guard stop its engines in order and end. */
  close(): Promise<void>;
}

export interface GuardOptions {
  dataDir: string;
  /** Starts an engine again that ended without being asked to. */
  revive: boolean;
  /** Told in words what happened to an engine. */
  onNote?: ((text: string) => void) | undefined;
}

// Works from src (under vitest) and from dist alike: the guard always runs compiled.
const guardFile = fileURLToPath(new URL('../dist/guard.js', import.meta.url));

/** Starts a guard and takes the data folder with it. Throws when another process has the folder. */
export async function openGuard({ dataDir, revive, onNote }: GuardOptions): Promise<GuardLink> {
  // Detached, so that Ctrl-C in a terminal reaches us and not the engines under those who still write to them.
  const guard = fork(guardFile, [], { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [] });
  const gone = once(guard, 'exit').then(() => {});
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

  const link: GuardLink = {
    pid: guard.pid ?? 0,
    gone,
    ask: (call) =>
      new Promise((resolve, reject) => {
        lastId += 1;
        const id = lastId;
        waiting.set(id, { resolve, reject });
        guard.send({ id, call }, (error) => {
          if (error && waiting.delete(id)) reject(error);
        });
      }),
    async close() {
      if (guard.connected) guard.disconnect();
      await gone;
    },
  };
  try {
    const owner = processIdentity(process.pid) ?? String(process.pid);
    await link.ask({ do: 'open', dataDir, owner, revive });
    return link;
  } catch (error) {
    await link.close();
    throw error;
  }
}
