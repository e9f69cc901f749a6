import { apiKeys, type Database } from '@motience/database';
import { type TokenVerifier, withApiKeys } from '@motience/tokens';
import { and, eq, isNull, lt, or, sql } from 'drizzle-orm';
import { findKey, keyGrantOf } from './read-truth.ts';

const noteEveryMs = 60_000;

/**
 * A verifier for an HTTP service, which takes API keys as well, and checks them in PostgreSQL. When a key was used last is
 * noted once a minute at most, and nobody waits for it.
 */
export function acceptApiKeys(verifyToken: TokenVerifier, { db }: Database): TokenVerifier {
  return withApiKeys(verifyToken, async (id) => {
    const row = await findKey(db, id);
    if (!row) return undefined;
    const isDue = row.lastUsedAt === null || Date.now() - row.lastUsedAt.getTime() >= noteEveryMs;
    // What is not noted now is noted at the next use.
    const onUse = () => void (isDue && noteKeyUse(db, id).catch(() => {}));
    return { grant: keyGrantOf(row), onUse };
  });
}

/** Notes that a key was used at an instant, now by default, unless that was noted within the minute before. */
export async function noteKeyUse(queryable: Pick<Database['db'], 'update'>, id: string, at?: Date): Promise<void> {
  const usedAt = at === undefined ? sql`now()` : sql`least(${at.toISOString()}::timestamptz, now())`;
  await queryable
    .update(apiKeys)
    .set({ lastUsedAt: usedAt })
    .where(
      and(
        eq(apiKeys.id, id),
        or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, sql`${usedAt} - interval '1 minute'`)),
      ),
    );
}
