import {
  boolean,
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
import { defaultShardCount } from '@motience/stream-log';

const mebibyte = 1024 * 1024;

const settings = {
  ...commonSettings,
  ...tokenSettings,
  databaseUrl,
  redisAddress,
  redisKeyPrefix,
  port: port('DSM_PORT', 3003),
  shards: integer('SHARDS', defaultShardCount, { min: 1, max: 1024 }),
  persistReadings: boolean('PERSIST_READINGS', true),
  /** What Redis keeps of each stream for consumers who come back. */
  retainedReadings: integer('RETAINED_READINGS', 20_000, { min: 1, max: 100_000_000 }),
  retainedBytes: integer('RETAINED_BYTES', 8 * mebibyte, { min: 64 * 1024, max: 2 ** 36 }),
  retainedAgeMs: duration('RETAINED_AGE', '1h', { min: '1m', max: '30d' }),
  /** Of all streams together. Beyond it each may keep an equal share. */
  retainedTotalBytes: integer('RETAINED_TOTAL_BYTES', 1024 * mebibyte, { min: mebibyte, max: 2 ** 40 }),
  /** How long PostgreSQL keeps readings. */
  historyAgeMs: duration('HISTORY_AGE', '30d', { min: '1h', max: '3650d' }),
  /** How long it keeps what a stream did in each minute. */
  streamRecordAgeMs: duration('STREAM_RECORD_AGE', '400d', { min: '31d', max: '3650d' }),
};

export type Config = ConfigOf<typeof settings>;

/** The configuration, or a ConfigError that lists every mistake. */
export function readDataStreamManagerConfig(environment: Environment): Config {
  return readConfig(settings, environment);
}
