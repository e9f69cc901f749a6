/**
 * The process that is the parent of the private engines. It lives apart from the terminal, so that Ctrl-C does not reach
 * the engines, and ends when the channel to its own parent closes, for whatever reason, `kill -9` included: then it
 * stops the engines in order and gives the data folder back.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { EngineKeeper } from './engine-keeper.ts';
import { lockFolder } from './folder-lock.ts';
import { type GuardCall, type GuardMessage, guardRequestSchema } from './guard-protocol.ts';

let keeper: EngineKeeper | undefined;
let unlock: (() => Promise<void>) | undefined;
let ending = false;
const underWay = new Set<Promise<void>>();

function tell(message: GuardMessage): void {
  if (process.connected) process.send?.(message);
}

async function answer(call: GuardCall): Promise<string | undefined> {
  if (call.do === 'open') {
    await mkdir(call.dataDir, { recursive: true });
    // Root's PostgreSQL is another account, which has to pass through; what is secret in here is 0600.
    await chmod(call.dataDir, process.getuid?.() === 0 ? 0o711 : 0o700);
    unlock = await lockFolder(call.dataDir, call.owner);
    keeper = new EngineKeeper(call.dataDir, call.revive, (text) => tell({ type: 'note', text }));
    return undefined;
  }
  if (!keeper) throw new Error('no data folder was opened');
  if (call.do === 'start') return keeper.start(call.spec);
  await keeper[call.do](call.engine);
  return undefined;
}

async function handle(message: unknown): Promise<void> {
  const { id, call } = guardRequestSchema.parse(message);
  try {
    const result = await answer(call);
    tell({ type: 'done', id, ...(result === undefined ? {} : { result }) });
  } catch (error) {
    tell({ type: 'failed', id, reason: error instanceof Error ? error.message : String(error) });
  }
}

async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  // An engine that is just starting has to be up before it can be stopped in order.
  await Promise.allSettled([...underWay]);
  await keeper?.stopAll();
  await unlock?.();
  process.exit(0);
}

process.on('message', (message) => {
  if (ending) return;
  const work = handle(message);
  underWay.add(work);
  void work.finally(() => underWay.delete(work));
});
process.on('disconnect', () => void end());
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void end());
// Whatever goes wrong in here, the engines are not left to themselves.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, () => void end());
