import { type Database, openDatabase, postgresReadiness } from '@motience/database';
import { acceptApiKeys, createProjector, type Projector } from '@motience/rights';
import {
  bothLimits,
  createMetrics,
  createRateLimiter,
  FewAtOnce,
  firstConnectionAttempt,
  type Logger,
  type RateLimiter,
  type ReadinessCheck,
  type Registry,
  repeat,
} from '@motience/service-kit';
import { createKeys, openLimiterRedis, openRedis, RightsStore, redisReadiness } from '@motience/stream-log';
import { createTokenVerifier, type TokenVerifier } from '@motience/tokens';
import type { SubscriptionManagerConfig } from './config.ts';
import { endPlans } from './services/end-plans.ts';
import { measureListings } from './services/measure-listing.ts';
import { purge } from './services/purge.ts';
import { createSubscriptionPurge } from './services/purge-subscriptions.ts';

export interface Context {
  readonly config: SubscriptionManagerConfig;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly database: Database;
  readonly projector: Projector;
  /** Subscriptions and plans made or ended, by account. */
  readonly changes: RateLimiter;
  /** Looks into the catalogue, by address. */
  readonly catalogueRequests: RateLimiter;
  /** Searches of the catalogue, which everybody may ask for: so many at a time, on connections of their own, each for a limited time. */
  readonly searches: FewAtOnce;
  readonly catalogue: Database;
  /** Looks at the own listing for which it is measured anew, by account. */
  readonly ownMeasurements: RateLimiter;
  readonly verifyToken: TokenVerifier;
  readonly readinessChecks: readonly ReadinessCheck[];
  /** Begins the work that nobody asked for: projecting rights, ending plans, deleting what is old. */
  start(): void;
  /** Stops that work, then closes Redis, then PostgreSQL. */
  close(): Promise<void>;
}

/** Beyond it the own listing is shown as it was measured last. */
const ownMeasurementsPerMinute = 20;
const endPlansMs = 1_000;
const measureMs = 2_000;
const purgeMs = 600_000;

/** Opens everything the service talks to. PostgreSQL and Redis need not be there yet. */
export async function createContext(config: SubscriptionManagerConfig, logger: Logger): Promise<Context> {
  const database = openDatabase(config.databaseUrl);
  const catalogue = openDatabase(config.databaseUrl, {
    maxConnections: config.catalogueQueriesAtOnce,
    readsWithinMs: config.catalogueQueryMs,
  });
  const onError = (error: Error) => logger.warn({ err: error }, 'Redis');
  const redis = openRedis(config.redisAddress, { onError });
  const limiterRedis = openLimiterRedis(config.redisAddress, { onError });
  await firstConnectionAttempt(limiterRedis);
  const rights = new RightsStore(redis, createKeys(config.redisKeyPrefix));
  const projector = createProjector({ database, rights, logger });
  let stopRepeating: (() => Promise<unknown>) | undefined;
  return {
    config,
    logger,
    registry: createMetrics('subscription-manager'),
    database,
    projector,
    changes: bothLimits(
      createRateLimiter(limiterRedis, config.redisKeyPrefix, {
        name: 'subscriptions',
        what: 'changes of subscriptions per account',
        points: config.changesPerMinute,
        perSeconds: 60,
      }),
      // Each leaves a row that may have to be kept.
      createRateLimiter(limiterRedis, config.redisKeyPrefix, {
        name: 'subscriptions-day',
        what: 'changes of subscriptions per account',
        points: config.changesPerDay,
        perSeconds: 86_400,
      }),
    ),
    catalogueRequests: createRateLimiter(limiterRedis, config.redisKeyPrefix, {
      name: 'catalogue',
      what: 'requests of the catalogue per address',
      points: config.catalogueRequestsPerMinute,
      perSeconds: 60,
    }),
    searches: new FewAtOnce({
      atOnce: config.catalogueQueriesAtOnce,
      waiting: config.catalogueQueriesWaiting,
      busy: 'too many are searching the catalogue',
    }),
    catalogue,
    ownMeasurements: createRateLimiter(limiterRedis, config.redisKeyPrefix, {
      name: 'own-measurements',
      what: 'measurements of the own listing',
      points: ownMeasurementsPerMinute,
      perSeconds: 60,
    }),
    verifyToken: acceptApiKeys(createTokenVerifier(config), database),
    readinessChecks: [postgresReadiness(database), redisReadiness(redis)],
    start() {
      projector.start();
      if (stopRepeating) return;
      const failed = (what: string) => (error: unknown) => logger.warn({ err: error }, `${what}; trying again`);
      const stops = [
        repeat(endPlansMs, (stopped) => endPlans({ database, projector }, stopped), failed('plans could not be ended')),
        repeat(measureMs, (stopped) => measureListings(database, stopped), failed('a stream could not be measured')),
        repeat(purgeMs, (stopped) => purge(database, stopped), failed('old requests and plans could not be deleted')),
        repeat(
          purgeMs,
          createSubscriptionPurge(database, config.historyAgeMs),
          failed('old subscriptions could not be deleted'),
        ),
      ];
      stopRepeating = () => Promise.all(stops.map((stop) => stop()));
    },
    async close() {
      // First what needs the projector.
      await stopRepeating?.();
      const stopped = projector.stop();
      redis.disconnect();
      limiterRedis.disconnect();
      await stopped;
      await Promise.all([catalogue.close(), database.close()]);
    },
  };
}
