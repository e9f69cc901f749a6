import { commonSettings } from './config/common-settings.ts';
import { ConfigError } from './config/read-config.ts';
import { CannotListen } from './listen-error.ts';
import { createLogger, type Logger } from './logger.ts';

export interface RunningApp {
  /** The port that was bound, also where the configured one was 0. */
  port: number;
  url: string;
  /** Stops accepting, lets what runs come to its end, closes what it opened. Called once. */
  stop(): Promise<void>;
}

export interface RunOptions {
  /** How long `stop` may take before the process ends anyway, with exit code 1. */
  stopDeadlineMs?: number;
}

/**
 * Runs one app as this process. SIGINT, SIGTERM and the end of a parent that started it with an IPC channel stop it,
 * once, within a deadline. It announces itself by a log line `listening` and, to such a parent, by
 * `{type: 'listening', port, url}`. A wrong configuration or a port that cannot be had is told in plain lines; that,
 * a failed start and an error nobody caught end the process with exit code 1.
 */
export async function runApp(
  name: string,
  start: (logger: Logger) => Promise<RunningApp>,
  { stopDeadlineMs = 10_000 }: RunOptions = {},
): Promise<void> {
  const logLevel = commonSettings.logLevel(process.env);
  const logger = createLogger(name, 'value' in logLevel ? logLevel.value : 'info');
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      logger.fatal({ err: error }, 'an error that nothing caught');
      process.exit(1);
    });
  }

  const starting = start(logger);
  let stopping = false;
  const stop = (reason: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason }, 'stopping');
    setTimeout(() => {
      logger.fatal(`did not stop within ${stopDeadlineMs} ms`);
      process.exit(1);
    }, stopDeadlineMs).unref();
    starting
      .then((app) => app.stop())
      .then(
        () => {
          logger.info('stopped');
          process.exit(0);
        },
        (error: unknown) => {
          logger.fatal({ err: error }, 'did not stop cleanly');
          process.exit(1);
        },
      );
  };
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('SIGTERM', () => stop('SIGTERM'));
  if (process.send) process.on('disconnect', () => stop('the parent process has ended'));

  try {
    const { port, url } = await starting;
    logger.info({ port, url }, 'listening');
    process.send?.({ type: 'listening', port, url });
  } catch (error) {
    if (error instanceof ConfigError || error instanceof CannotListen)
      process.stderr.write(`${name}: ${error.message}\n`);
    else logger.fatal({ err: error }, 'did not start');
    process.exit(1);
  }
}
