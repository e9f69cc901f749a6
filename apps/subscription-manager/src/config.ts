import { defaultLimits } from '@motience/protocol';
import {
  type ConfigOf,
  commonSettings,
  databaseUrl,
  duration,
  type Environment,
  integer,
  port,
  readConfig,
  redisAddress,
  redisKeyPrefix,
  tokenSettings,
} from '@motience/service-kit';

const settings = {
  ...commonSettings,
  ...tokenSettings,
  databaseUrl,
  redisAddress,
  redisKeyPrefix,
  port: port('SM_PORT', 3002),
  subscriptionsPerConsumer: integer('SUBSCRIPTIONS_PER_CONSUMER', defaultLimits.subscriptionsPerConsumer, {
    min: 1,
    max: 100_000,
  }),
  /** Those that were withdrawn and have not ended count too. */
  plansPerProducer: integer('PLANS_PER_PRODUCER', defaultLimits.plansPerProducer, { min: 1, max: 10_000 }),
  requestsPerConsumer: integer('REQUESTS_PER_CONSUMER', defaultLimits.requestsPerConsumer, { min: 1, max: 100_000 }),
  requestsPerProducer: integer('REQUESTS_PER_PRODUCER', defaultLimits.requestsPerProducer, { min: 1, max: 1_000_000 }),
  requestLifetimeMs: duration('REQUEST_LIFETIME', '30d', { min: '1s', max: '365d' }),
  accessEntriesPerProducer: integer('ACCESS_ENTRIES_PER_PRODUCER', defaultLimits.accessEntriesPerProducer, {
    min: 1,
    max: 1_000_000,
  }),
  catalogueRequestsPerMinute: integer(
    'CATALOGUE_REQUESTS_PER_MINUTE',
    defaultLimits.catalogueRequestsPerAddressAndMinute,
    {
      min: 1,
      max: 10_000_000,
    },
  ),
  catalogueQueriesAtOnce: integer('CATALOGUE_QUERIES_AT_ONCE', 4, { min: 1, max: 64 }),
  catalogueQueriesWaiting: integer('CATALOGUE_QUERIES_WAITING', 100, { min: 1, max: 100_000 }),
  catalogueQueryMs: duration('CATALOGUE_QUERY_TIMEOUT', '2s', { min: '100ms', max: '1m' }),
  changesPerMinute: integer('SUBSCRIPTION_CHANGES_PER_MINUTE', defaultLimits.subscriptionChangesPerAccountAndMinute, {
    min: 1,
    max: 1_000_000,
  }),
  changesPerDay: integer('SUBSCRIPTION_CHANGES_PER_DAY', defaultLimits.subscriptionChangesPerAccountAndDay, {
    min: 1,
    max: 10_000_000,
  }),
  /** As for the stream managers: while readings are kept, it counts who was subscribed when they were made. */
  historyAgeMs: duration('HISTORY_AGE', '30d', { min: '1h', max: '3650d' }),
};

export type SubscriptionManagerConfig = ConfigOf<typeof settings>;

/** The configuration in `environment`; throws a `ConfigError` that lists everything wrong with it. */
export function readSubscriptionManagerConfig(environment: Environment): SubscriptionManagerConfig {
  return readConfig(settings, environment);
}
