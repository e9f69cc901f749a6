import { gatewaySettings } from '@motience/gateway-kit';
import { defaultLimits } from '@motience/protocol';
import { type ConfigOf, type Environment, integer, port, readConfig } from '@motience/service-kit';

const mebibyte = 1024 * 1024;

const settings = {
  ...gatewaySettings,
  port: port('WSS1_PORT', 8001),
  /** Bytes of one shard's readings that are accepted and not yet in PostgreSQL; beyond it: `unavailable`. */
  maxBacklogBytes: integer('MAX_BACKLOG_BYTES', 128 * mebibyte, { min: 64 * 1024, max: 2 ** 40 }),
  readingBytes: integer('MAX_READING_BYTES', defaultLimits.readingBytes, { min: 256, max: mebibyte }),
  dataDepth: integer('MAX_DATA_DEPTH', defaultLimits.dataDepth, { min: 1, max: 1_000 }),
  readingsPerFrame: integer('MAX_READINGS_PER_FRAME', defaultLimits.readingsPerFrame, { min: 1, max: 100_000 }),
  perSecond: integer('READINGS_PER_SECOND', defaultLimits.readingsPerSecond, { min: 1, max: 10_000_000 }),
  burst: integer('READINGS_BURST', defaultLimits.readingsBurst, { min: 1, max: 10_000_000 }),
  unacknowledgedReadings: integer('MAX_UNACKNOWLEDGED_READINGS', defaultLimits.unacknowledgedReadings, {
    min: 1,
    max: 1_000_000,
  }),
  unacknowledgedBytes: integer('MAX_UNACKNOWLEDGED_BYTES', defaultLimits.unacknowledgedBytes, {
    min: 64 * 1024,
    max: 1024 * mebibyte,
  }),
};

export type Config = ConfigOf<typeof settings>;

/** The configuration, or a ConfigError that lists every mistake. */
export function readProducerGatewayConfig(environment: Environment): Config {
  return readConfig(settings, environment);
}
