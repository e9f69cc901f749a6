/** For containers: checks both engines and brings the schema up to date, then ends. Changes nothing where either fails. */
import { migrateDatabase } from '@motience/database';
import { startEngines } from '@motience/engines';
import { readPlatformConfig } from './config.ts';

try {
  const config = readPlatformConfig(process.env);
  const { postgres, redis } = config;
  if (!('url' in postgres && 'urls' in redis)) {
    throw new Error('expected DATABASE_URL or DB_HOST, and REDIS_URL, REDIS_HOST or REDIS_CLUSTER_NODES');
  }
  const { databaseUrl } = await startEngines({
    dataDir: '',
    postgres,
    redis,
    production: config.nodeEnv === 'production',
    mayInstall: false,
    onProgress: (text) => console.log(text),
  });
  await migrateDatabase(databaseUrl);
  console.log('The schema is up to date.');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
