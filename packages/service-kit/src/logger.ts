import { pino } from 'pino';
import type { logLevels } from './config/common-settings.ts';
import { describeError } from './describe-error.ts';

export type LogLevel = (typeof logLevels)[number];
export type Logger = pino.Logger;

const secretNames = [
  'authorization',
  'cookie',
  'password',
  'current_password',
  'new_password',
  'passwordHash',
  'token',
  'access_token',
  'refresh_token',
  'accessToken',
  'refreshToken',
  'jwtSecret',
  'metricsToken',
  'databaseUrl',
  'redisAddress',
];

/**
 * Logs JSON lines to standard output. Fields with the name of a secret are blanked, down to two levels; errors keep
 * what helps to find them and lose statement parameters and command arguments. Texts are not searched: never put a
 * secret into a message.
 */
export function createLogger(name: string, level: LogLevel = 'info', destination?: pino.DestinationStream): Logger {
  const options: pino.LoggerOptions = {
    name,
    level,
    base: { name, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secretNames.flatMap((secret) => [secret, `*.${secret}`, `*.*.${secret}`]), censor: '[secret]' },
    serializers: { err: describeError, error: describeError },
  };
  return pino(options, destination ?? standardOutput());
}

/** Retries of 100 ms each, within one line, while nobody takes what is written. */
const mostRetries = 10;

/**
 * Standard output, written line by line. When its reader is gone or stuck, lines are lost: waiting for it without end,
 * as pino would, keeps a service from ending after its parent was killed.
 */
function standardOutput(): pino.DestinationStream {
  let retries = 0;
  const stream = pino.destination({
    fd: 1,
    sync: true,
    retryEAGAIN: () => {
      retries += 1;
      return retries <= mostRetries;
    },
  });
  stream.on('write', () => {
    retries = 0;
  });
  stream.on('error', () => {});
  return stream;
}
