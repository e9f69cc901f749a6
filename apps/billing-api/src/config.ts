import {
  type ConfigOf,
  commonSettings,
  databaseUrl,
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
  port: port('BILLING_PORT', 3004),
  /** The platform's part of a charge, in parts per million. */
  platformFeePpm: integer('PLATFORM_FEE_PPM', 100_000, { min: 0, max: 1_000_000 }),
};

export type BillingConfig = ConfigOf<typeof settings>;

/** The configuration in `environment`; throws a `ConfigError` that lists everything wrong with it. */
export function readBillingConfig(environment: Environment): BillingConfig {
  return readConfig(settings, environment);
}
