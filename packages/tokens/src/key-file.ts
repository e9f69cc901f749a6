import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * The text of `file`; if there is none, the one `create` gives, written whole or not at all, mode 0600. Of several
 * processes that create it at once one wins, and all get its text.
 */
export async function readOrCreateFile(file: string, create: () => Promise<string>): Promise<string> {
  const existing = await readIfThere(file);
  if (existing !== undefined) return existing;

  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomUUID()}`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(await create());
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A hard link, unlike a rename, never replaces what another process put there first.
    await link(temporary, file).catch(unlessCode('EEXIST'));
  } finally {
    await unlink(temporary).catch(unlessCode('ENOENT'));
  }
  return readFile(file, 'utf8');
}

async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(unlessCode('ENOENT'));
}

function unlessCode(code: string) {
  return (error: unknown): undefined => {
    if (error instanceof Error && 'code' in error && error.code === code) return undefined;
    throw error;
  };
}
