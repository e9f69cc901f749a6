import { type Database, openDatabase, postgresReadiness } from '@motience/database';
import { createMetrics, type Logger, type ReadinessCheck, type Registry } from '@motience/service-kit';
import { openRedis, type RedisConnection, redisReadiness } from '@motience/stream-log';
import { createTokenVerifier, type TokenVerifier } from '@motience/tokens';
import type { BillingConfig } from './config.ts';

export interface Context {
  readonly config: BillingConfig;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly database: Database;
  readonly redis: RedisConnection;
  readonly verifyToken: TokenVerifier;
  readonly readinessChecks: readonly ReadinessCheck[];
  /** Closes Redis, then PostgreSQL. */
  close(): Promise<void>;
}

/** Opens everything the service talks to. PostgreSQL and Redis need not be there yet. */
export function createContext(config: BillingConfig, logger: Logger): Context {
  const database = openDatabase(config.databaseUrl);
  const redis = openRedis(config.redisAddress, { onError: (error) => logger.warn({ err: error }, 'Redis') });
  return {
    config,
    logger,
    registry: createMetrics('billing-api'),
    database,
    redis,
    verifyToken: createTokenVerifier(config),
    readinessChecks: [postgresReadiness(database), redisReadiness(redis)],
    async close() {
      redis.disconnect();
      await database.close();
    },
  };
}
