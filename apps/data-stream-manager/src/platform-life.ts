import type { Database } from '@motience/database';
import { type Logger, repeat } from '@motience/service-kit';
import { noteLife, noteLifeMs } from './services/note-life.ts';

/** Notes again and again that the platform is at work, for as long as Redis and PostgreSQL are. Returns what ends it. */
export function notePlatformLife(
  { redisIsThere, database }: { redisIsThere: () => Promise<boolean>; database: Pick<Database, 'sql'> },
  logger: Logger,
): () => Promise<void> {
  const note = async () => {
    // While Redis is away no gateway takes a reading.
    if (await redisIsThere()) await noteLife(database.sql);
  };
  const failed = (err: unknown) => logger.warn({ err }, 'that the platform is at work could not be noted');
  note().catch(failed);
  return repeat(noteLifeMs, note, failed);
}
