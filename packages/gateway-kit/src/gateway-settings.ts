import { defaultLimits } from '@motience/protocol';
import {
  combine,
  commonSettings,
  integer,
  optionalText,
  redisAddress,
  redisKeyPrefix,
  type Setting,
  type SettingResult,
  tokenSettings,
} from '@motience/service-kit';
import { defaultShardCount } from '@motience/stream-log';

const mebibyte = 1024 * 1024;

export interface TlsFiles {
  certFile: string;
  keyFile: string;
}

/** Certificate and key for wss; undefined: plain ws. One without the other is a mistake. */
const tls: Setting<TlsFiles | undefined> = combine(
  { certFile: optionalText('TLS_CERT_FILE'), keyFile: optionalText('TLS_KEY_FILE') },
  ({ certFile, keyFile }): SettingResult<TlsFiles | undefined> => {
    if (certFile !== undefined && keyFile !== undefined) return { value: { certFile, keyFile } };
    if (certFile === undefined && keyFile === undefined) return { value: undefined };
    const missing = certFile === undefined ? 'TLS_CERT_FILE' : 'TLS_KEY_FILE';
    return { mistakes: [{ path: missing, message: 'expected a file, because the other half of the pair is set' }] };
  },
);

/** What both gateways are configured with. */
export const gatewaySettings = {
  ...commonSettings,
  ...tokenSettings,
  tls,
  redisAddress,
  redisKeyPrefix,
  shards: integer('SHARDS', defaultShardCount, { min: 1, max: 1024 }),
  socketsPerAccount: integer('SOCKETS_PER_ACCOUNT', defaultLimits.socketsPerAccount, { min: 1, max: 1_000_000 }),
  newSocketsPerMinute: integer('NEW_SOCKETS_PER_MINUTE', defaultLimits.newSocketsPerAddressAndMinute, {
    min: 1,
    max: 10_000_000,
  }),
  maxFrameBytes: integer('MAX_FRAME_BYTES', defaultLimits.frameBytes, { min: 1024, max: 16 * mebibyte }),
  pingSeconds: integer('PING_SECONDS', defaultLimits.pingSeconds, { min: 1, max: 3_600 }),
  /** uWebSockets.js takes 8 to 960. */
  idleTimeoutSeconds: integer('IDLE_TIMEOUT_SECONDS', defaultLimits.idleTimeoutSeconds, { min: 8, max: 960 }),
};
