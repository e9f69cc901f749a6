import { type Database, openDatabase, postgresReadiness } from '@motience/database';
import { acceptApiKeys } from '@motience/rights';
import {
  createMetrics,
  createRateLimiter,
  firstConnectionAttempt,
  type Logger,
  type ReadinessCheck,
  type Registry,
  repeat,
  settleWithin,
} from '@motience/service-kit';
import { createKeys, openLimiterRedis, openRedis, redisReadiness, StreamReader, UsageLog } from '@motience/stream-log';
import { createTokenVerifier, type TokenVerifier } from '@motience/tokens';
import { createCloser } from './closing/closer.ts';
import type { BillingConfig } from './config.ts';
import { MoneyReads } from './money-reads.ts';
import { adminProvider } from './payments/admin-provider.ts';
import type { PaymentProvider } from './payments/payment-provider.ts';
import { createStripeProvider } from './payments/stripe-provider.ts';
import { createSettler } from './settlement/settler.ts';
import { sumOldDeliveries } from './settlement/sum-old-deliveries.ts';
import { StatementDocuments } from './statements/statement-documents.ts';

const stopMs = 3_000;
const closeMs = 60_000;
const sumMs = 600_000;
/** For settling, closing, and adding up, one transaction each. */
const ownConnections = 4;

export interface Context {
  readonly config: BillingConfig;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly database: Database;
  readonly reads: MoneyReads;
  readonly documents: StatementDocuments;
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
export async function createContext(config: BillingConfig, logger: Logger): Promise<Context> {
  const documents = await StatementDocuments.open();
  const database = openDatabase(config.databaseUrl);
  // What delivery waits for never waits for what anybody asks.
  const ownWork = openDatabase(config.databaseUrl, { maxConnections: ownConnections });
  const onError = (error: Error) => logger.warn({ err: error }, 'Redis');
  const redis = openRedis(config.redisAddress, { onError });
  const limiterRedis = openLimiterRedis(config.redisAddress, { onError });
  await firstConnectionAttempt(limiterRedis);
  const requests = createRateLimiter(limiterRedis, config.redisKeyPrefix, {
    name: 'money',
    what: 'looks at money per account',
    points: config.requestsPerMinute,
    perSeconds: 60,
  });
  const reads = new MoneyReads(requests, config);
  const registry = createMetrics('billing-api');
  const keys = createKeys(config.redisKeyPrefix);
  const usageLog = new UsageLog(redis, keys);
  const settler = createSettler(
    { database: ownWork, redis, usageLog, feePpm: config.platformFeePpm },
    { logger, registry },
  );
  const streams = new StreamReader(redis, keys, config.shards);
  const close = createCloser({
    database: ownWork,
    usageLog,
    streams: config.persistReadings ? streams : undefined,
    logger,
  });
  const failed = (what: string) => (error: unknown) => logger.warn({ err: error }, `${what}; trying again`);
  let stopRepeating: (() => Promise<unknown>) | undefined;
  return {
    config,
    logger,
    registry,
    database,
    reads,
    documents,
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
          (isStopped) => sumOldDeliveries({ database: ownWork, streams }, isStopped),
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
      limiterRedis.disconnect();
      await stopped;
      await Promise.all([reads.close(), ownWork.close(), database.close()]);
    },
  };
}
