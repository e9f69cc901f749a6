import type { Database } from '@motience/database';

const rowsAtOnce = 1_000;

/**
 * Deletes sessions that ended more than a day ago, and with them their refresh tokens, at most 1,000 at a time so that
 * it never holds much. Returns how many it deleted. Ended sessions stay that day for whoever has to find out what
 * happened.
 */
export async function purgeSessions({ sql }: Database): Promise<number> {
  const deleted = await sql`
    delete from sessions where id in (
      select id from sessions where expires_at < now() - interval '1 day' order by expires_at limit ${rowsAtOnce}
      for update skip locked
    )`;
  return deleted.count;
}

/** Deletes API keys that ended more than a day ago, as `purgeSessions` does sessions. */
async function purgeKeys({ sql }: Database): Promise<number> {
  const deleted = await sql`
    delete from api_keys where id in (
      select id from api_keys
      where expires_at < now() - interval '1 day' or revoked_at < now() - interval '1 day'
      limit ${rowsAtOnce} for update skip locked
    )`;
  return deleted.count;
}

/** Deletes all sessions and API keys that ended more than a day ago. */
export async function purgeAll(database: Database, isStopped: () => boolean): Promise<void> {
  for (const purge of [purgeSessions, purgeKeys]) {
    while (!isStopped() && (await purge(database)) === rowsAtOnce);
  }
}
