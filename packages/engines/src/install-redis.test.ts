import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ensureRedis, planInstall, RedisMissing } from './install-redis.ts';

let programs: string;

/** A machine that has only the programs a test gives it. */
beforeEach(async () => {
  programs = await mkdtemp(join(tmpdir(), 'motience-programs-'));
  await symlink('/bin/sh', join(programs, 'sh'));
  await program('id', 'echo 1000');
  vi.stubEnv('PATH', programs);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(programs, { recursive: true });
});

async function program(name: string, script: string): Promise<void> {
  const file = join(programs, name);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

const redisSaying = (version: string) => `echo "Redis server v=${version} sha=00000000:0 malloc=libc bits=64"`;
/** An installer whose work is a redis-server of `version`. */
const installing = (version: string) =>
  `printf '#!/bin/sh\\n%s\\n' '${redisSaying(version)}' > ${programs}/redis-server; /bin/chmod 755 ${programs}/redis-server`;
const sudo = 'test "$1" = -n && shift; exec "$@"';

test('a Redis new enough is used as it is', async () => {
  await program('redis-server', redisSaying('7.0.15'));
  const onProgress = vi.fn();
  expect(await ensureRedis({ mayInstall: true, onProgress })).toEqual({ command: 'redis-server', version: '7.0.15' });
  expect(onProgress).not.toHaveBeenCalled();
});

test('a Valkey is used where the Redis is too old', async () => {
  await program('redis-server', redisSaying('6.2.14'));
  await program('valkey-server', 'echo "Valkey server v=8.0.1 sha=00000000:0"');
  expect(await ensureRedis({ mayInstall: false, onProgress: () => {} })).toMatchObject({ command: 'valkey-server' });
});

test('without a terminal it says what it installs and does it', async () => {
  await program('sudo', sudo);
  await program('dnf', installing('7.2.4'));
  const onProgress = vi.fn();
  expect(await ensureRedis({ mayInstall: true, onProgress })).toEqual({ command: 'redis-server', version: '7.2.4' });
  expect(onProgress).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('dnf install -y redis'));
});

test('on a terminal it asks, and a no installs nothing and says what to type', async () => {
  await program('sudo', sudo);
  await program('dnf', installing('7.2.4'));
  const confirm = vi.fn(async () => false);
  const refused = ensureRedis({ mayInstall: true, confirm, onProgress: () => {} });
  await expect(refused).rejects.toThrow('sudo apt-get update && sudo apt-get install redis-server');
  expect(confirm).toHaveBeenCalledOnce();
});

test('nothing is installed when that is forbidden', async () => {
  await program('sudo', sudo);
  await program('dnf', installing('7.2.4'));
  await expect(ensureRedis({ mayInstall: false, onProgress: () => {} })).rejects.toThrow(RedisMissing);
  await expect(ensureRedis({ mayInstall: false, onProgress: () => {} })).rejects.toThrow('docker compose up -d');
});

test('an installation that gives too old a Redis is an error with what to type', async () => {
  await program('sudo', sudo);
  await program('dnf', installing('6.0.16'));
  await expect(ensureRedis({ mayInstall: true, onProgress: () => {} })).rejects.toThrow(
    /7\.0[\s\S]*brew install redis/,
  );
});

test('an installer that fails is quoted', async () => {
  await program('sudo', sudo);
  await program('dnf', 'echo "no network today" >&2; exit 1');
  await expect(ensureRedis({ mayInstall: true, onProgress: () => {} })).rejects.toThrow('no network today');
});

test('each kind of machine has its own way, and none is tried that needs a password', () => {
  const plan = (tools: string[], isRoot: boolean, hasSudo: boolean) =>
    planInstall({ isRoot, hasSudo, hasCommand: (name) => tools.includes(name) })?.command.slice(0, 3);
  expect(plan(['apt-get'], true, false)).toEqual(['sh', expect.stringMatching(/apt\.sh$/), 'redis-server']);
  expect(plan(['apt-get'], false, true)?.slice(0, 3)).toEqual(['sudo', '-n', 'sh']);
  expect(plan(['apt-get'], false, false)).toBeUndefined();
  expect(plan(['brew', 'apt-get'], false, false)).toEqual(['brew', 'install', 'redis']);
  expect(plan(['apk'], true, false)).toEqual(['sh', '-c', 'apk add redis || apk add valkey']);
  expect(plan([], true, false)).toBeUndefined();
});
