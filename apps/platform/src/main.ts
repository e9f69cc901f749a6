import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
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
let signals = 0;

async function stop(): Promise<void> {
  say('\nStopping …');
  cancelled.abort();
  try {
    await (await platform?.catch(() => undefined))?.stop();
    process.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    signals += 1;
    // Even now nothing is left behind: engines and services end by themselves when we are gone.
    if (signals > 1) process.exit(130);
    void stop();
  });
}

try {
  const config = readPlatformConfig(process.env);
  platform = startPlatform({
    config,
    environment: process.env,
    dataDir: resolve(root, wishes.dataDir ?? config.dataDir ?? '.motience'),
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
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
