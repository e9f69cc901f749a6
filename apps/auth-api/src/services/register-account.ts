import { devices, type Queryable, users } from '@motience/database';
import { Refusal, type RegisterRequest, type Role, type User } from '@motience/protocol';
import type { Client } from '@motience/service-kit';
import { sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { changeRights } from './change-rights.ts';
import { toUser, type UserRow } from './user-row.ts';

/** Makes an account, and with it its first device if one is named. Throws `conflict` if the name is taken in any case. */
export async function registerAccount(context: Context, account: RegisterRequest, client: Client): Promise<User> {
  await refuseTakenName(context, account.username);
  const passwordHash = await context.passwords.withPlace(client, (place) => place.hash(account.password));
  return changeRights(context, async (tx, changed) => {
    const row = await insertAccount(tx, { ...account, passwordHash });
    if (account.device_id !== undefined) {
      await tx.insert(devices).values({ producerId: row.id, deviceId: account.device_id });
      await changed({ kind: 'device', accountId: String(row.id), item: account.device_id });
    }
    return toUser(row);
  });
}

export type NewAccount = Omit<RegisterRequest, 'role' | 'password'> & { role: Role; passwordHash: string };

/** Throws `conflict` if the name is taken. */
export async function insertAccount(tx: Queryable, account: NewAccount): Promise<UserRow> {
  const [row] = await tx
    .insert(users)
    .values({
      username: account.username,
      passwordHash: account.passwordHash,
      role: account.role,
      email: account.email ?? null,
      name: account.name ?? null,
      deviceId: account.device_id ?? null,
    })
    .onConflictDoNothing()
    .returning();
  if (!row) throw nameTaken();
  return row;
}

/** Spares the hash in the usual case; what decides is the unique index. */
async function refuseTakenName({ database }: Context, username: string): Promise<void> {
  const sameName = sql`lower(${users.username}) = lower(${username})`;
  const found = await database.db.select({ id: users.id }).from(users).where(sameName);
  if (found.length > 0) throw nameTaken();
}

function nameTaken(): Refusal {
  return new Refusal('conflict', 'this username is taken');
}
