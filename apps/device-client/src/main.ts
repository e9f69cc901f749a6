import { pino } from 'pino';
import { PinoPretty } from 'pino-pretty';
import { createCommand } from './command.ts';
import { readConfig } from './config.ts';
import { readPassword } from './read-password.ts';
import { runDevice } from './run-device.ts';

const log = pino(
  { base: null },
  PinoPretty({
    destination: 2,
    sync: true,
    colorize: process.stderr.isTTY,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss',
    singleLine: true,
  }),
);

const command = createCommand();
command.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
command.parse();
const read = readConfig(command.opts(), process.env);
if ('mistakes' in read) {
  for (const mistake of read.mistakes) process.stderr.write(`${mistake}\n`);
  process.stderr.write('Try: motience-device --help\n');
  process.exit(2);
}

const ending = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // A second one means now: what waits is safe on disk.
    if (ending.signal.aborted) process.exit(1);
    log.info('stopping');
    ending.abort();
  });
}

try {
  const { config } = read;
  const password = await readPassword(config, { input: process.stdin, output: process.stderr }, ending.signal);
  await runDevice({ config, password, stdin: process.stdin, log, signal: ending.signal });
  process.exit(0);
} catch (error) {
  log.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
