import { rm } from 'node:fs/promises';
import { type GuardedEngines, guardEngines } from '../../packages/engines/dist/guarded-engines.js';
import { type EngineOptions, type Engines, startEngines } from '../../packages/engines/dist/index.js';
import { makeTemporaryFolder, redisSpec } from '../../packages/engines/dist/temporary-engines.js';

/** A folder that is removed with what is in it. */
export async function makeFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await makeTemporaryFolder();
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A Redis for a peer. It writes no PUBLISH to its log, so the log costs it nothing. */
export async function startPeerRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = await makeFolder();
  const engines: GuardedEngines = await guardEngines({ dataDir: folder.path, revive: false });
  const stop = async () => {
    await engines.close();
    await folder.remove();
  };
  try {
    return { url: await engines.start(redisSpec({ appendfsync: 'no' })), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** PostgreSQL and Redis as `npm start` has them. */
export async function startPlatformEngines(
  dataDir: string,
  appendfsync: Extract<EngineOptions['redis'], { appendfsync: unknown }>['appendfsync'],
  say: (text: string) => void,
): Promise<Engines> {
  return startEngines({
    dataDir,
    postgres: {},
    redis: { appendfsync },
    production: false,
    mayInstall: false,
    onProgress: say,
  });
}
