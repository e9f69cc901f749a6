import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError, type Environment } from './config/read-config.ts';
import { errorCode } from './describe-error.ts';
import { isEngineAway } from './http/error-reply.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What to say where no PostgreSQL is to be found. */
export const notRunning =
  'Motience is not running here: start it (npm start), or set DATABASE_URL. If it keeps its data in another folder, set MOTIENCE_DATA_DIR to that.';

/**
 * The environment a command on the server works in: what is set, then `.env` at the root, as the platform reads it; and
 * where PostgreSQL is, from `database-url` in the data folder, where a platform with a private one writes it. Undefined
 * if nothing says where PostgreSQL is.
 */
export function commandEnvironment(): Environment | undefined {
  const envFile = resolve(root, '.env');
  // What the environment sets already wins over the file.
  if (existsSync(envFile)) process.loadEnvFile(envFile);
  const { DATABASE_URL, DB_HOST, MOTIENCE_DATA_DIR } = process.env;
  const urlFile = join(MOTIENCE_DATA_DIR || join(root, '.motience'), 'database-url');
  if (DATABASE_URL || DB_HOST) return process.env;
  if (!existsSync(urlFile)) return undefined;
  return { ...process.env, DATABASE_URL: readFileSync(urlFile, 'utf8').trim() };
}

/** Why a command on the server failed, in words for whoever typed it. */
export function explainToOperator(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (isEngineAway(error)) {
    // A platform that was killed leaves its address behind.
    const { DATABASE_URL, DB_HOST } = process.env;
    return DATABASE_URL || DB_HOST
      ? 'PostgreSQL does not answer at DATABASE_URL (or DB_HOST and DB_PORT).'
      : notRunning;
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (errorCode(cause) === '42P01') return 'The database has no tables yet; start the platform once, which makes them.';
  return cause instanceof Error ? cause.message : String(cause);
}
