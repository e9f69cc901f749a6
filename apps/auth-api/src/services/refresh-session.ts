import { type Queryable, refreshTokens, sessions, users } from '@motience/database';
import { Refusal, type Tokens } from '@motience/protocol';
import { and, desc, eq, isNull, lt, or, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { changeRights } from './change-rights.ts';
import { issueTokens } from './issue-tokens.ts';
import { hashRefreshToken, successorOf } from './refresh-token.ts';
import { revokedNow } from './revoked-session.ts';
import type { UserRow } from './user-row.ts';

/** How long a spent token still gets the answer it got, for whom that answer did not reach. */
const graceMs = 10_000;
/** Spent tokens kept per session: an older one is unknown and no longer revokes, which bounds what a session stores. */
const spentTokensKept = 500;

interface Refreshed {
  account: UserRow;
  sessionId: string;
  spentAt: Date;
}

/**
 * Spends a refresh token for a new pair. A spent one within its grace gets the very same answer; later it is taken for
 * stolen, and its session ends with all tokens that descend from it.
 */
export async function refreshSession(context: Context, token: string): Promise<Tokens> {
  const successor = successorOf(token, context.refreshSecret);
  const refreshed = await changeRights(context, async (tx, changed): Promise<Refreshed | undefined> => {
    const found = await lockToken(tx, token);
    if (!found) return undefined;
    const { account, sessionId, spentAt, msSinceSpent } = found;
    const sessionRight = { kind: 'session' as const, accountId: String(account.id), item: sessionId };

    if (spentAt === null) {
      const now = new Date();
      if (!(await spend(tx, token, { sessionId, successor, now, expiresAt: expiry(context, now) }))) return undefined;
      await changed(sessionRight);
      return { account, sessionId, spentAt: now };
    }
    if (msSinceSpent <= graceMs) return { account, sessionId, spentAt };

    await tx
      .update(sessions)
      .set(revokedNow)
      .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt)));
    await changed(sessionRight);
    context.logger.warn(
      { account_id: sessionRight.accountId, session_id: sessionId },
      'a spent refresh token came again',
    );
    return undefined;
  });
  if (!refreshed) throw new Refusal('unauthenticated', 'the refresh token is not valid; sign in again');
  return issueTokens(context, refreshed.account, refreshed.sessionId, successor, refreshed.spentAt);
}

/** The token, if it and its session still count; locked, so that of two that come at once one is first. */
async function lockToken(tx: Queryable, token: string) {
  const [row] = await tx
    .select({
      account: users,
      sessionId: sessions.id,
      spentAt: refreshTokens.spentAt,
      msSinceSpent: sql<number>`coalesce(extract(epoch from now() - ${refreshTokens.spentAt}) * 1000, 0)::float8`,
    })
    .from(refreshTokens)
    .innerJoin(sessions, eq(sessions.id, refreshTokens.sessionId))
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        eq(refreshTokens.tokenHash, hashRefreshToken(token)),
        sql`${refreshTokens.expiresAt} > now()`,
        isNull(sessions.revokedAt),
      ),
    )
    .for('update', { of: refreshTokens });
  return row;
}

interface Spending {
  sessionId: string;
  successor: string;
  now: Date;
  expiresAt: Date;
}

/** Replaces a token by its successor and prolongs the session; false if the session has just been revoked. */
async function spend(
  tx: Queryable,
  token: string,
  { sessionId, successor, now, expiresAt }: Spending,
): Promise<boolean> {
  const prolonged = await tx
    .update(sessions)
    .set({ expiresAt })
    .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt)))
    .returning({ id: sessions.id });
  if (prolonged.length === 0) return false;
  await tx
    .update(refreshTokens)
    .set({ spentAt: now })
    .where(eq(refreshTokens.tokenHash, hashRefreshToken(token)));
  await tx.insert(refreshTokens).values({ tokenHash: hashRefreshToken(successor), sessionId, expiresAt });
  const oldestKept = tx
    .select({ spentAt: refreshTokens.spentAt })
    .from(refreshTokens)
    .where(and(eq(refreshTokens.sessionId, sessionId), sql`${refreshTokens.spentAt} is not null`))
    .orderBy(desc(refreshTokens.spentAt))
    .offset(spentTokensKept - 1)
    .limit(1);
  await tx
    .delete(refreshTokens)
    .where(
      and(
        eq(refreshTokens.sessionId, sessionId),
        or(lt(refreshTokens.expiresAt, sql`now()`), lt(refreshTokens.spentAt, oldestKept)),
      ),
    );
  return true;
}

function expiry({ config }: Context, now: Date): Date {
  return new Date(now.getTime() + config.refreshTokenMs);
}
