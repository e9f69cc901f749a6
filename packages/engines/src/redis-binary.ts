import { spawnSync } from 'node:child_process';

const oldestRedis = { major: 7, minor: 0 };

/** A Redis server program new enough to use. */
export interface RedisBinary {
  readonly command: string;
  readonly version: string;
}

/** The first of `redis-server` and `valkey-server` on PATH that is Redis 7.0 or newer, or undefined. */
export function findRedisBinary(env: NodeJS.ProcessEnv = process.env): RedisBinary | undefined {
  for (const command of ['redis-server', 'valkey-server']) {
    const { stdout, status } = spawnSync(command, ['--version'], { encoding: 'utf8', env });
    if (status !== 0) continue;
    const version = /\bv=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    if (version !== undefined && isNewEnough(version)) return { command, version };
  }
  return undefined;
}

/** Whether a version such as `7.0.15` is one whose scripts, log and functions we rely on. */
export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldestRedis.major || (major === oldestRedis.major && minor >= oldestRedis.minor);
}
