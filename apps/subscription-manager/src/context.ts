import { type Database, openDatabase, postgresReadiness } from '@motience/database';
import { createProjector, type Projector } from '@motience/rights';
import { createMetrics, type Logger, type ReadinessCheck, type Registry } from '@motience/service-kit';
import { createKeys, openRedis, RightsStore, redisReadiness } from '@motience/stream-log';
import { createTokenVerifier, type TokenVerifier } from '@motience/tokens';
import type { SubscriptionManagerConfig } from './config.ts';

export interface Context {
  readonly config: SubscriptionManagerConfig;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly database: Database;
  readonly projector: Projector;
  readonly verifyToken: TokenVerifier;
  readonly readinessChecks: readonly ReadinessCheck[];
  /** Stops the projector, then closes Redis, then PostgreSQL. */
  close(): Promise<void>;
}

/** Opens everything the service talks to. Nothing here waits for it to be there. */
export function createContext(config: SubscriptionManagerConfig, logger: Logger): Context {
  const database = openDatabase(config.databaseUrl);
  const redis = openRedis(config.redisUrl, { onError: (error) => logger.warn({ err: error }, 'Redis') });
  const rights = new RightsStore(redis, createKeys(config.redisKeyPrefix));
  const projector = createProjector({ database, rights, logger });
  return {
    config,
    logger,
    registry: createMetrics('subscription-manager'),
    database,
    projector,
    verifyToken: createTokenVerifier(config),
    readinessChecks: [postgresReadiness(database), redisReadiness(redis)],
    async close() {
      const stopped = projector.stop();
      redis.disconnect();
      await stopped;
      await database.close();
    },
  };
}
