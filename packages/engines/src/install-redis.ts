import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { findRedisBinary, type RedisBinary } from './redis-binary.ts';

export interface InstallOptions {
  /** False forbids installing anything. */
  mayInstall: boolean;
  /** Asks the person in front of the screen; left out where there is none, and then it goes ahead. */
  confirm?: ((question: string) => Promise<boolean>) | undefined;
  /** Told in words what is being done. */
  onProgress: (text: string) => void;
}

/** What a machine has to install programs with. */
export interface Machine {
  readonly isRoot: boolean;
  /** Whether `sudo` works without asking for a password. */
  readonly hasSudo: boolean;
  readonly hasCommand: (name: string) => boolean;
}

/** One way to get Redis. */
export interface InstallPlan {
  /** What a person would type. */
  readonly typed: string;
  readonly command: readonly [string, ...string[]];
}

/** Redis is missing and cannot be had without the reader's hands; the message says what to type. */
export class RedisMissing extends Error {
  override readonly name = 'RedisMissing';
}

/**
 * The Redis server program of this machine, installed first where there is none new enough. No service is left
 * running that was not before. Throws {@link RedisMissing} with the commands to type where that cannot be done.
 */
export async function ensureRedis({ mayInstall, confirm, onProgress }: InstallOptions): Promise<RedisBinary> {
  const found = findRedisBinary();
  if (found) return found;
  const plan = planInstall(thisMachine());
  if (!mayInstall)
    throw new RedisMissing(adviceText('Redis 7.0 or newer is not installed, and installing is forbidden.'));
  if (!plan)
    throw new RedisMissing(adviceText('Redis 7.0 or newer is not installed, and cannot be installed from here.'));
  if (confirm && !(await confirm(`Redis 7.0 or newer is not installed. Install it now with: ${plan.typed} ?`))) {
    throw new RedisMissing(adviceText('Redis 7.0 or newer is not installed.'));
  }
  onProgress(`Redis is not installed; installing it with: ${plan.typed}`);
  const problem = await run(plan.command);
  const installed = findRedisBinary();
  if (installed) return installed;
  throw new RedisMissing(
    adviceText(`Installing Redis gave no redis-server of 7.0 or newer.${problem && `\n${problem}`}`),
  );
}

/** How Redis is installed on a machine; undefined where it needs someone's password or another tool. */
export function planInstall({ isRoot, hasSudo, hasCommand }: Machine): InstallPlan | undefined {
  // Homebrew refuses to run as root, and needs no sudo.
  if (hasCommand('brew') && !isRoot) return { typed: 'brew install redis', command: ['brew', 'install', 'redis'] };
  if (!isRoot && !hasSudo) return undefined;
  const asRoot = (command: readonly [string, ...string[]]): readonly [string, ...string[]] =>
    isRoot ? command : ['sudo', '-n', ...command];
  const sudo = isRoot ? '' : 'sudo ';
  if (hasCommand('apt-get')) {
    return {
      typed: `${sudo}apt-get update && ${sudo}apt-get install redis-server`,
      command: asRoot(['sh', aptScript, 'redis-server']),
    };
  }
  // Newer distributions have Valkey in the place of Redis.
  for (const [tool, ...args] of [
    ['dnf', 'install', '-y'],
    ['apk', 'add'],
  ] as const) {
    if (!hasCommand(tool)) continue;
    const line = [tool, ...args].join(' ');
    return {
      typed: `${sudo}${line} redis  (or valkey)`,
      command: asRoot(['sh', '-c', `${line} redis || ${line} valkey`]),
    };
  }
  return undefined;
}

const aptScript = fileURLToPath(new URL('../install/apt.sh', import.meta.url));

function thisMachine(): Machine {
  const works = (command: string, args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
  return {
    isRoot: process.getuid?.() === 0,
    hasSudo: works('sudo', ['-n', 'true']),
    hasCommand: (name) => works('sh', ['-c', 'command -v "$1"', 'sh', name]),
  };
}

/** Runs a command to its end; the result is empty when it worked, otherwise the end of what it said. */
async function run([command, ...args]: readonly [string, ...string[]]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-1_500);
    });
  }
  const [code] = await once(child, 'close');
  return code === 0 ? '' : said.trim();
}

function adviceText(problem: string): string {
  return `${problem}
Any one of these will do:
  sudo apt-get update && sudo apt-get install redis-server     Debian 12, Ubuntu 24.04 or newer
  brew install redis                                           macOS
  sudo dnf install redis                                       Fedora (newer ones: valkey)
  sudo apk add redis                                           Alpine
  docker compose up -d && export REDIS_URL=redis://127.0.0.1:6379 DATABASE_URL=postgres://postgres:postgres@127.0.0.1:5432/motience
Or set REDIS_URL to a Redis you already have.`;
}
