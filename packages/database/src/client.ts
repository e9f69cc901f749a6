import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import * as schema from './schema.ts';

export interface Database {
  /** Typed queries. */
  readonly db: ReturnType<typeof drizzle<typeof schema>>;
  /** The driver itself, for the few statements drizzle cannot say. */
  readonly sql: postgres.Sql;
  close(): Promise<void>;
}

/** A transaction, or the database outside of one: whatever a query can run on. */
export type Queryable = Pick<Database['db'], 'select' | 'insert' | 'update' | 'delete' | 'execute'>;

export interface DatabaseOptions {
  readonly maxConnections?: number;
  /** For what only reads: how long a statement may take. PostgreSQL then cancels it. */
  readonly readsWithinMs?: number;
}

/**
 * Opens a pool on `url`. Nothing connects before the first query, and a lost connection is opened anew by the driver;
 * queries fail while PostgreSQL is away. Whoever opens closes.
 */
export function openDatabase(url: string, { maxConnections = 10, readsWithinMs }: DatabaseOptions = {}): Database {
  const sql = postgres(url, {
    max: maxConnections,
    connect_timeout: 5,
    backoff: secondsToNextConnection,
    idle_timeout: 60,
    onnotice: () => {},
    ...(readsWithinMs !== undefined && {
      connection: { default_transaction_read_only: true, statement_timeout: readsWithinMs },
    }),
  });
  return { db: drizzle(sql, { schema }), sql, close: () => sql.end({ timeout: 5 }) };
}

/**
 * How long a pool waits before it connects again after so many failures, in seconds. The driver's own wait grows to 20 s,
 * in which queries hang although PostgreSQL is back.
 */
function secondsToNextConnection(failures: number): number {
  return (0.5 + Math.random() / 2) * Math.min(3 ** failures / 100, 1);
}

/** Any number: the lock that lets one migration run at a time. */
const migrationLock = 7_305_116_204;

/** Brings the schema up to date. Safe to call from several processes at once: one migrates, the others wait. */
export async function migrateDatabase(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await sql`select pg_advisory_lock(${migrationLock})`;
    await migrate(drizzle(sql), { migrationsFolder: fileURLToPath(new URL('../../../drizzle', import.meta.url)) });
  } finally {
    await sql.end({ timeout: 5 });
  }
}
