import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '@motience/service-kit';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What to say where no PostgreSQL is to be found. */
export const notRunning =
  'Motience is not running here: start it (npm start), or set DATABASE_URL. If it keeps its data in another folder, set MOTIENCE_DATA_DIR to that.';

/**
 * The environment a command on the server works in: what is set, then `.env` at the root, as the platform reads it; and
 * where PostgreSQL is, from `database-url` in the data folder, where a platform with a private one writes it. Undefined
 * if nothing says where PostgreSQL is.
 */
export function adminEnvironment(): Environment | undefined {
  const envFile = resolve(root, '.env');
  // What the environment sets already wins over the file.
  if (existsSync(envFile)) process.loadEnvFile(envFile);
  const { DATABASE_URL, DB_HOST, MOTIENCE_DATA_DIR } = process.env;
  const urlFile = join(MOTIENCE_DATA_DIR || join(root, '.motience'), 'database-url');
  if (DATABASE_URL || DB_HOST) return process.env;
  if (!existsSync(urlFile)) return undefined;
  return { ...process.env, DATABASE_URL: readFileSync(urlFile, 'utf8').trim() };
}
