import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkSettings } from './check-settings.ts';
import { wordsOf } from './closers.ts';
import { readCommandLine } from './command-line.ts';
import { readPlatformConfig } from './config.ts';
import { type Platform, startPlatform } from './start-platform.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const say = (text: string) => console.log(text);

const wishes = readCommandLine(process.argv.slice(2));
const envFile = resolve(root, '.env');
// What the environment sets already wins over the file.
if (existsSync(envFile)) process.loadEnvFile(envFile);

const cancelled = new AbortController();
let platform: Promise<Platform> | undefined;
let stopRequestedAt: number | undefined;

/** From the terminal one Ctrl-C can reach us twice: directly, and passed on by npm. */
const sameRequestMs = 500;

function onStopRequest(): void {
  if (stopRequestedAt === undefined) {
    stopRequestedAt = performance.now();
    void stop();
  } else if (performance.now() - stopRequestedAt > sameRequestMs) {
    // Even now nothing is left behind: engines and services end by themselves when we are gone.
    process.exit(130);
  }
}

async function stop(): Promise<void> {
  say('\nStopping …');
  cancelled.abort();
  try {
    await (await platform?.catch(() => undefined))?.stop();
    process.exit(0);
  } catch (error) {
    console.error(wordsOf(error));
    process.exit(1);
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onStopRequest);
// Whoever read what we say may be gone before us.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
if (process.env.npm_lifecycle_event === 'start') {
  const npm = process.ppid;
  // An npm that is killed passes nothing on.
  setInterval(() => process.ppid !== npm && stopRequestedAt === undefined && onStopRequest(), 1_000).unref();
}

try {
  checkSettings(process.env);
  const config = readPlatformConfig(process.env);
  platform = startPlatform({
    config,
    environment: process.env,
    dataDir: wishes.dataDir === undefined ? resolve(root, config.dataDir ?? '.motience') : resolve(wishes.dataDir),
    withDemo: wishes.demo && config.nodeEnv !== 'production',
    mayInstall: wishes.install,
    signal: cancelled.signal,
    say,
  });
  await platform;
} catch (error) {
  if (cancelled.signal.aborted) {
    // Whoever cancelled ends the process.
  } else {
    console.error(wordsOf(error));
    process.exit(1);
  }
}
