import { rm } from 'node:fs/promises';
import { migrateDatabase } from '@motience/database';
import type { TestProject } from 'vitest/node';
import { terminalConfirm } from './confirm.ts';
import { guardEngines } from './guarded-engines.ts';
import { ensureRedis } from './install-redis.ts';
import { makeTemporaryFolder, redisSpec } from './temporary-engines.ts';

/** Starts one PostgreSQL and one Redis for the whole run, in a folder that is gone after it. Installs Redis if need be. */
export default async function setUpEngines(project: TestProject): Promise<() => Promise<void>> {
  await ensureRedis({ mayInstall: true, confirm: terminalConfirm(), onProgress: (text) => console.log(text) });
  const dataDir = await makeTemporaryFolder();
  const engines = await guardEngines({ dataDir, revive: false });
  const tearDown = async () => {
    await engines.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const [postgresUrl, redisUrl] = await Promise.all([
      engines.start({ engine: 'postgres', database: 'motience_template', durable: false }),
      engines.start(redisSpec()),
    ]);
    await migrateDatabase(postgresUrl);
    project.provide('templateDatabaseUrl', postgresUrl);
    project.provide('redisUrl', redisUrl);
    return tearDown;
  } catch (error) {
    await tearDown();
    throw error;
  }
}
