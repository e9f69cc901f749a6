import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { processIdentity } from './process-identity.ts';
import { isErrno } from './secret-file.ts';
import { waitFor } from './wait.ts';

const holderSchema = z.object({
  /** The guard that runs the engines, and the process it runs them for; see `processIdentity`. */
  guard: z.string(),
  owner: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

/**
 * Takes a data folder for this process on behalf of `owner`. A holder that died is replaced; one whose owner died is
 * about to stop and is waited for; a living one is an error that names it. The result gives the folder back.
 */
export async function lockFolder(dataDir: string, owner: string): Promise<() => Promise<void>> {
  const file = lockFile(dataDir);
  const me: Holder = { guard: processIdentity(process.pid) ?? String(process.pid), owner };
  const taken = await waitFor(async () => {
    if (await create(file, me)) return true;
    const holder = await readHolder(file);
    if (holder === undefined || !isAlive(holder.guard)) {
      await rm(file, { force: true });
      return create(file, me);
    }
    if (isAlive(holder.owner)) {
      throw new Error(`${dataDir} is in use by process ${pidOf(holder.owner)}; stop it, or choose another data folder`);
    }
    return false;
  }, 45_000);
  if (!taken) throw new Error(`${dataDir} is still being used by the engines of a platform that has ended`);
  return () => rm(file, { force: true });
}

/** The living process that has a data folder in use; undefined when none has. */
export async function folderUser(dataDir: string): Promise<number | undefined> {
  const holder = await readHolder(lockFile(dataDir));
  return holder && isAlive(holder.guard) && isAlive(holder.owner) ? pidOf(holder.owner) : undefined;
}

async function create(file: string, holder: Holder): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const lockFile = (dataDir: string): string => join(dataDir, 'engines.lock');
const pidOf = (identity: string): number => Number.parseInt(identity, 10);
const isAlive = (identity: string): boolean => processIdentity(pidOf(identity)) === identity;
