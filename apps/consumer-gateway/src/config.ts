import { gatewaySettings } from '@motience/gateway-kit';
import { defaultLimits } from '@motience/protocol';
import { type ConfigOf, databaseUrl, type Environment, integer, port, readConfig } from '@motience/service-kit';

const mebibyte = 1024 * 1024;

const settings = {
  ...gatewaySettings,
  databaseUrl,
  port: port('WSS2_PORT', 8002),
  /** Bytes that may wait for one socket; beyond it: `slow-consumer`. */
  maxQueuedBytes: integer('MAX_QUEUED_BYTES', 4 * mebibyte, { min: 64 * 1024, max: 1024 * mebibyte }),
  /** Bytes that may wait for all sockets of the process; beyond it the fullest are cut. */
  maxTotalQueuedBytes: integer('MAX_TOTAL_QUEUED_BYTES', 512 * mebibyte, { min: mebibyte, max: 2 ** 40 }),
  controlFramesPerSecond: integer('CONTROL_FRAMES_PER_SECOND', defaultLimits.controlFramesPerSecond, {
    min: 1,
    max: 100_000,
  }),
  backfillsPerSocket: integer('BACKFILLS_PER_SOCKET', defaultLimits.backfillsPerSocket, { min: 1, max: 1_000 }),
};

export type Config = ConfigOf<typeof settings>;

/** The configuration, or a ConfigError that lists every mistake. */
export function readConsumerGatewayConfig(environment: Environment): Config {
  return readConfig(settings, environment);
}
