import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultLimits } from '@motience/protocol';
import {
  type ConfigOf,
  combine,
  commonSettings,
  databaseUrl,
  duration,
  type Environment,
  integer,
  optionalText,
  port,
  readConfig,
  redisAddress,
  redisKeyPrefix,
  text,
  tokenSettings,
} from '@motience/service-kit';

const standardDataFolder = fileURLToPath(new URL('../../../.motience', import.meta.url));
const perMinute = { min: 1, max: 1_000_000 };

const settings = {
  ...commonSettings,
  jwtSecret: tokenSettings.jwtSecret,
  databaseUrl,
  redisAddress,
  redisKeyPrefix,
  port: port('AP_PORT', 3001),
  /** Where the key pair is kept that tokens are signed with when there is no secret. */
  jwtKeyFile: combine(
    { file: optionalText('JWT_KEY_FILE'), folder: text('MOTIENCE_DATA_DIR', standardDataFolder) },
    ({ file, folder }) => ({ value: file ?? join(folder, 'keys', 'jwt.jwk.json') }),
  ),
  accessTokenMs: duration('JWT_EXPIRES_IN', '1h', { min: '1s', max: '30d' }),
  refreshTokenMs: duration('JWT_REFRESH_EXPIRES_IN', '7d', { min: '1s', max: '365d' }),
  passwordMinLength: integer('PASSWORD_MIN_LENGTH', defaultLimits.passwordMinLength, { min: 1, max: 128 }),
  devicesPerProducer: integer('DEVICES_PER_PRODUCER', defaultLimits.devicesPerProducer, { min: 1, max: 1_000_000 }),
  deviceChangesPerMinute: integer(
    'DEVICE_CHANGES_PER_MINUTE',
    defaultLimits.deviceChangesPerAccountAndMinute,
    perMinute,
  ),
  /** Revoked and expired ones do not count. */
  keysPerAccount: integer('KEYS_PER_ACCOUNT', defaultLimits.keysPerAccount, { min: 1, max: 10_000 }),
  keyChangesPerMinute: integer('KEY_CHANGES_PER_MINUTE', defaultLimits.keyChangesPerAccountAndMinute, perMinute),
  /** Lists of accounts that one account asks for. */
  accountListsPerMinute: integer('ACCOUNT_LISTS_PER_MINUTE', 300, perMinute),
  accountListsAtOnce: integer('ACCOUNT_LISTS_AT_ONCE', 2, { min: 1, max: 64 }),
  accountListMs: duration('ACCOUNT_LIST_TIMEOUT', '2s', { min: '100ms', max: '1m' }),
  registersPerMinute: integer('REGISTERS_PER_MINUTE', defaultLimits.registersPerAddressAndMinute, perMinute),
  refreshesPerMinute: integer('REFRESHES_PER_MINUTE', defaultLimits.refreshesPerAddressAndMinute, perMinute),
  failedLoginsPerAccount: integer(
    'FAILED_LOGINS_PER_ACCOUNT_AND_MINUTE',
    defaultLimits.failedLoginsPerAccountAndMinute,
    perMinute,
  ),
  failedLoginsPerAddress: integer(
    'FAILED_LOGINS_PER_ADDRESS_AND_MINUTE',
    defaultLimits.failedLoginsPerAddressAndMinute,
    perMinute,
  ),
  /** Logins that last at the same time; one more ends the oldest. */
  sessionsPerAccount: integer('SESSIONS_PER_ACCOUNT', 10_000, { min: 1, max: 1_000_000 }),
  /** Each hash takes a core and 19 MiB for some 30 ms, on one of libuv's four threads; one is left for other work. */
  passwordHashesAtOnce: integer('PASSWORD_HASHES_AT_ONCE', Math.min(3, availableParallelism()), { min: 1, max: 64 }),
  passwordHashesWaiting: integer('PASSWORD_HASHES_WAITING', 200, { min: 0, max: 10_000 }),
};

export type AuthConfig = ConfigOf<typeof settings>;

/** The configuration in `environment`; throws a `ConfigError` that lists everything wrong with it. */
export function readAuthConfig(environment: Environment): AuthConfig {
  return readConfig(settings, environment);
}
