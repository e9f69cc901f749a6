import { type Database, openDatabase } from '@motience/database';
import { createProjector, type Projector } from '@motience/rights';
import { createMetrics, type Logger, type ReadinessCheck, type Registry } from '@motience/service-kit';
import { createKeys, openRedis, RightsStore } from '@motience/stream-log';
import { createTokenVerifier, type TokenVerifier } from '@motience/tokens';
import { sql } from 'drizzle-orm';
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
    readinessChecks: [
      {
        name: 'postgres',
        check: async () => {
          await database.db.execute(sql`select 1`);
          return { ok: true };
        },
      },
      {
        name: 'redis',
        // A command would wait for Redis to come back, and each one asked meanwhile with it.
        check: async () => {
          if (redis.status !== 'ready') return { ok: false, reason: 'not connected' };
          await redis.ping();
          return { ok: true };
        },
      },
    ],
    async close() {
      const stopped = projector.stop();
      redis.disconnect();
      await stopped;
      await database.close();
    },
  };
}
