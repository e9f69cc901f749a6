import postgres from 'postgres';
import { reasonOf, withoutPassword } from './check-redis.ts';

/** Throws, without the password, when this PostgreSQL or its database cannot be used. */
export async function checkPostgres(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await sql`select 1`;
  } catch (error) {
    throw new Error(`PostgreSQL at ${withoutPassword(url)} cannot be used: ${reasonOf(error)}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
