import { sessions, users } from '@motience/database';
import { Refusal, type User } from '@motience/protocol';
import type { Client } from '@motience/service-kit';
import type { AccessClaims } from '@motience/tokens';
import { and, eq, isNull, ne } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { changeRights } from './change-rights.ts';
import { passwordIsRight } from './log-in.ts';
import { revokedNow } from './revoked-session.ts';
import { toUser, type UserRow } from './user-row.ts';

export async function readOwnAccount(context: Context, claims: AccessClaims): Promise<User> {
  return toUser(await findOwn(context, claims));
}

export async function changeName({ database }: Context, claims: AccessClaims, name: string): Promise<User> {
  const [row] = await database.db
    .update(users)
    .set({ name })
    .where(eq(users.id, BigInt(claims.sub)))
    .returning();
  if (!row) throw accountGone();
  return toUser(row);
}

export interface PasswordChange {
  currentPassword: string;
  newPassword: string;
  client: Client;
}

/** Sets a new password and ends every other session. A wrong current one counts as a failed login. */
export async function changePassword(context: Context, claims: AccessClaims, change: PasswordChange): Promise<User> {
  const account = await findOwn(context, claims);
  const attempt = { username: account.username, password: change.currentPassword, client: change.client };
  if (!(await passwordIsRight(context, attempt, account.passwordHash))) throw wrongPassword();
  const passwordHash = await context.passwords.withPlace(change.client, (place) => place.hash(change.newPassword));

  return changeRights(context, async (tx, changed) => {
    const [row] = await tx
      .update(users)
      .set({ passwordHash })
      .where(and(eq(users.id, account.id), eq(users.passwordHash, account.passwordHash)))
      .returning();
    // Changed meanwhile by another request: what was given as current is not any more.
    if (!row) throw wrongPassword();
    const ended = await tx
      .update(sessions)
      .set(revokedNow)
      .where(and(eq(sessions.userId, account.id), ne(sessions.id, claims.sid), isNull(sessions.revokedAt)))
      .returning({ id: sessions.id });
    for (const { id } of ended) await changed({ kind: 'session', accountId: claims.sub, item: id });
    return toUser(row);
  });
}

async function findOwn({ database }: Context, { sub }: AccessClaims): Promise<UserRow> {
  const [row] = await database.db
    .select()
    .from(users)
    .where(eq(users.id, BigInt(sub)));
  if (!row) throw accountGone();
  return row;
}

function accountGone(): Refusal {
  return new Refusal('unauthenticated', 'this account does not exist any more');
}

function wrongPassword(): Refusal {
  return new Refusal('forbidden', 'current_password is wrong', {
    details: [{ path: 'current_password', message: 'expected the current password' }],
  });
}
