import { type Database, openDatabase, postgresReadiness } from '@motience/database';
import { acceptApiKeys } from '@motience/rights';
import {
  createMetrics,
  type Logger,
  type ReadinessCheck,
  type Registry,
  repeat,
  settleWithin,
} from '@motience/service-kit';
import { createKeys, openRedis, redisReadiness, StreamReader, UsageLog } from '@motience/stream-log';
import { createTokenVerifier, type TokenVerifier } from '@motience/tokens';
import { createCloser } from './closing/closer.ts';
import type { BillingConfig } from './config.ts';
import { adminProvider } from './payments/admin-provider.ts';
import type { PaymentProvider } from './payments/payment-provider.ts';
import { createStripeProvider } from './payments/stripe-provider.ts';
import { createSettler } from './settlement/settler.ts';
import { sumOldDeliveries } from './settlement/sum-old-deliveries.ts';

const stopMs = 3_000;
const closeMs = 60_000;
const sumMs = 600_000;

export interface Context {
  readonly config: BillingConfig;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly database: Database;
  readonly usageLog: UsageLog;
  readonly provider: PaymentProvider<'admin'> | PaymentProvider<'stripe'>;
  readonly verifyToken: TokenVerifier;
  readonly readinessChecks: readonly ReadinessCheck[];
  /** Begins the work that nobody asks for. */
  start(): void;
  /** Lets what settles and closes end what is under way, then closes Redis, then PostgreSQL. */
  close(): Promise<void>;
}

/** Opens everything the service talks to. PostgreSQL and Redis need not be there yet. */
export function createContext(config: BillingConfig, logger: Logger): Context {
  const database = openDatabase(config.databaseUrl);
  const redis = openRedis(config.redisAddress, { onError: (error) => logger.warn({ err: error }, 'Redis') });
  const registry = createMetrics('billing-api');
  const keys = createKeys(config.redisKeyPrefix);
  const usageLog = new UsageLog(redis, keys);
  const settler = createSettler({ database, redis, usageLog, feePpm: config.platformFeePpm }, { logger, registry });
  const streams = new StreamReader(redis, keys, config.shards);
  const close = createCloser({ database, usageLog, streams: config.persistReadings ? streams : undefined, logger });
  const failed = (what: string) => (error: unknown) => logger.warn({ err: error }, `${what}; trying again`);
  let stopRepeating: (() => Promise<unknown>) | undefined;
  return {
    config,
    logger,
    registry,
    database,
    usageLog,
    provider: config.stripe ? createStripeProvider(config.stripe) : adminProvider,
    verifyToken: acceptApiKeys(createTokenVerifier(config), database),
    readinessChecks: [postgresReadiness(database), redisReadiness(redis)],
    start() {
      settler.start();
      if (stopRepeating) return;
      const stops = [
        repeat(closeMs, close, failed('days could not be closed')),
        repeat(
          sumMs,
          (isStopped) => sumOldDeliveries({ database, streams }, isStopped),
          failed('old deliveries could not be summed up'),
        ),
      ];
      stopRepeating = () => Promise.all(stops.map((stop) => stop()));
    },
    async close() {
      const stopped = Promise.all([settler.stop(), stopRepeating?.()]);
      // While Redis or PostgreSQL is away, a turn waits for it; cut off, it leaves everything to the next one.
      await settleWithin(stopped, stopMs);
      redis.disconnect();
      await stopped;
      await database.close();
    },
  };
}
