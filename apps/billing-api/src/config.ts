import { defaultLimits } from '@motience/protocol';
import {
  boolean,
  type ConfigOf,
  combine,
  commonSettings,
  databaseUrl,
  duration,
  type Environment,
  integer,
  optionalText,
  optionalUrl,
  port,
  readConfig,
  redisAddress,
  redisKeyPrefix,
  type SettingResult,
  tokenSettings,
} from '@motience/service-kit';
import { defaultShardCount } from '@motience/stream-log';
import type { StripeOptions } from './payments/stripe-provider.ts';

/** Payments through Stripe: both secrets, or neither. */
const stripe = combine(
  {
    secretKey: optionalText('STRIPE_SECRET_KEY'),
    webhookSecret: optionalText('STRIPE_WEBHOOK_SECRET'),
    returnUrl: optionalUrl('STRIPE_RETURN_URL', ['http', 'https']),
    apiUrl: optionalUrl('STRIPE_API_URL', ['http', 'https']),
    testerPort: port('CONSUMER_TESTER_PORT', 3011),
  },
  ({ secretKey, webhookSecret, returnUrl, apiUrl, testerPort }): SettingResult<StripeOptions | undefined> => {
    if (secretKey === undefined && webhookSecret === undefined) return { value: undefined };
    const needed = 'is needed with the other one';
    if (secretKey === undefined) return { mistakes: [{ path: 'STRIPE_SECRET_KEY', message: needed }] };
    if (webhookSecret === undefined) return { mistakes: [{ path: 'STRIPE_WEBHOOK_SECRET', message: needed }] };
    return { value: { secretKey, webhookSecret, returnUrl: returnUrl ?? `http://localhost:${testerPort}/`, apiUrl } };
  },
);

const settings = {
  ...commonSettings,
  ...tokenSettings,
  databaseUrl,
  redisAddress,
  redisKeyPrefix,
  port: port('BILLING_PORT', 3004),
  /** The platform's part of a charge, in parts per million. */
  platformFeePpm: integer('PLATFORM_FEE_PPM', 100_000, { min: 0, max: 1_000_000 }),
  stripe,
  /** Of what is read, by account. */
  requestsPerMinute: integer('BILLING_REQUESTS_PER_MINUTE', defaultLimits.moneyRequestsPerAccountAndMinute, {
    min: 1,
    max: 10_000_000,
  }),
  queriesAtOnce: integer('BILLING_QUERIES_AT_ONCE', 4, { min: 1, max: 64 }),
  queriesWaiting: integer('BILLING_QUERIES_WAITING', 100, { min: 1, max: 100_000 }),
  queryMs: duration('BILLING_QUERY_TIMEOUT', '5s', { min: '100ms', max: '1m' }),
  /** Of the stream log, and whether what streams did is recorded: silences are known only then. */
  shards: integer('SHARDS', defaultShardCount, { min: 1, max: 1024 }),
  persistReadings: boolean('PERSIST_READINGS', true),
};

export type BillingConfig = ConfigOf<typeof settings>;

/** The configuration in `environment`; throws a `ConfigError` that lists everything wrong with it. */
export function readBillingConfig(environment: Environment): BillingConfig {
  return readConfig(settings, environment);
}
