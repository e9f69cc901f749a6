import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where servers are that not everyone has on their path. */
const serverFolders = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'];

/** The file of a program of this machine; undefined if it is not installed. */
export function findBinary(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...serverFolders];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}
