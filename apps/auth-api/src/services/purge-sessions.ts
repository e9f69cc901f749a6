import type { Database } from '@motience/database';
import type { Logger } from '@motience/service-kit';

const rowsAtOnce = 1_000;
const intervalMs = 60_000;

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

/** Purges every minute, until the function it returns is called; that resolves when nothing runs any more. */
export function startPurge(database: Database, logger: Logger): () => Promise<void> {
  let stopped = false;
  let running: Promise<void> | undefined;
  const purge = async () => {
    try {
      while (!stopped && (await purgeSessions(database)) === rowsAtOnce);
    } catch (error) {
      logger.warn({ err: error }, 'expired sessions could not be deleted; trying again');
    }
  };
  const timer = setInterval(() => {
    running ??= purge().finally(() => {
      running = undefined;
    });
  }, intervalMs);
  return async () => {
    stopped = true;
    clearInterval(timer);
    await running;
  };
}
