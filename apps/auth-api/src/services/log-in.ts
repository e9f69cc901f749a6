import { randomUUID } from 'node:crypto';
import { type Queryable, refreshTokens, sessions, users } from '@motience/database';
import { Refusal, type Tokens, usernameSchema } from '@motience/protocol';
import type { Client } from '@motience/service-kit';
import { and, desc, eq, gt, inArray, isNull, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { changeRights } from './change-rights.ts';
import { issueTokens } from './issue-tokens.ts';
import { hashRefreshToken, newRefreshToken } from './refresh-token.ts';
import { revokedNow } from './revoked-session.ts';
import type { UserRow } from './user-row.ts';

export interface LoginAttempt {
  username: string;
  password: string;
  /** Its address is what failures are counted by, besides the account. */
  client: Client;
}

/**
 * Begins a session; an account with too many loses its oldest. Unknown user and wrong password are one and the same
 * refusal, and take the same time.
 */
export async function logIn(context: Context, attempt: LoginAttempt): Promise<Tokens> {
  const account = await findByName(context, attempt.username);
  if (!(await passwordIsRight(context, attempt, account?.passwordHash)) || !account) throw wrongLogin();

  const refreshToken = newRefreshToken();
  const sessionId = randomUUID();
  const expiresAt = new Date(Date.now() + context.config.refreshTokenMs);
  const current = await changeRights(context, async (tx, changed) => {
    // Locked, and compared once more: a password change that came in between has ended all sessions but this one.
    const [row] = await tx.select().from(users).where(eq(users.id, account.id)).for('share');
    if (row?.passwordHash !== account.passwordHash) return undefined;
    await tx.insert(sessions).values({ id: sessionId, userId: row.id, expiresAt });
    await tx.insert(refreshTokens).values({ tokenHash: hashRefreshToken(refreshToken), sessionId, expiresAt });
    await changed({ kind: 'session', accountId: String(row.id), item: sessionId });
    for (const item of await endSurplus(tx, row.id, context.config.sessionsPerAccount)) {
      await changed({ kind: 'session', accountId: String(row.id), item });
    }
    return row;
  });
  if (!current) throw wrongLogin();
  return issueTokens(context, current, sessionId, refreshToken);
}

/**
 * Whether a password is the one behind `hash`. Failures are counted; over the limit it throws `rate-limited` without
 * looking at the password.
 */
export async function passwordIsRight(
  { limits: { failedLogins }, passwords }: Context,
  { username, password, client }: LoginAttempt,
  hash: string | undefined,
): Promise<boolean> {
  // Before the queue, so that who is over the limit cannot fill it; and again once through it, so that tries sent all
  // at once cannot get past the limit together.
  await failedLogins.check(client.address, username);
  return passwords.withPlace(client, async (place) => {
    await failedLogins.check(client.address, username);
    const isRight = (await place.matches(hash, password)) && password.isWellFormed();
    if (!isRight) await failedLogins.count(client.address, username);
    return isRight;
  });
}

/** Ends the oldest sessions of an account that has too many, some at a time; returns their ids. */
async function endSurplus(tx: Queryable, userId: bigint, limit: number): Promise<string[]> {
  const surplus = tx
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt), gt(sessions.expiresAt, sql`now()`)))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
    .offset(limit)
    .limit(10);
  const ended = await tx
    .update(sessions)
    .set(revokedNow)
    .where(inArray(sessions.id, surplus))
    .returning({ id: sessions.id });
  return ended.map(({ id }) => id);
}

async function findByName({ database }: Context, username: string): Promise<UserRow | undefined> {
  // Whatever cannot be a name is no account's; PostgreSQL would not even take all of it.
  if (!usernameSchema.safeParse(username).success) return undefined;
  const [row] = await database.db.select().from(users).where(sql`lower(${users.username}) = lower(${username})`);
  return row;
}

function wrongLogin(): Refusal {
  return new Refusal('unauthenticated', 'username or password is wrong');
}
