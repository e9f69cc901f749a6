import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { describeDisk } from './disk.ts';

const require = createRequire(import.meta.url);

/** The machine and the versions of what runs on it, for the reader. */
export function describeMachine(): [string, string][] {
  const [first] = cpus();
  return [
    ['CPU', `${cpus().length} × ${first?.model.trim() ?? 'unknown'}`],
    ['memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
    ['disk', describeDisk()],
    ['system', `${type()} ${release()}`],
    ['Node.js', process.version],
    ['Redis', firstLine('redis-server', ['--version']).replace(/^.*v=(\S+).*$/, '$1')],
    ['uWebSockets.js', versionOf('uWebSockets.js')],
    ['ws', versionOf('ws')],
    ['Socket.IO', `${versionOf('socket.io')}, Redis adapter ${versionOf('@socket.io/redis-adapter')}`],
    ['ioredis', versionOf('ioredis')],
  ];
}

/** The commit that is checked out, with a mark if files differ from it. */
export function describeCommit(): string {
  return firstLine('git', ['describe', '--always', '--dirty', '--exclude=*']);
}

/** Load of the last minute. */
export const currentLoad = (): number => loadavg()[0] ?? 0;

function versionOf(name: string): string {
  // Not every package lets its package.json be imported.
  const file = require.resolve.paths(name)?.[0];
  for (const folder of require.resolve.paths(name) ?? [file]) {
    try {
      const { version }: { version: string } = JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8'));
      return version;
    } catch {}
  }
  return 'unknown';
}

function firstLine(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0] ?? '';
  } catch {
    return 'unknown';
  }
}
