import type { users } from '@motience/database';
import type { PublicUser, User } from '@motience/protocol';

export type UserRow = typeof users.$inferSelect;

/** An account as its owner sees it. */
export function toUser(row: UserRow): User {
  return { ...toPublicUser(row), device_id: row.deviceId, email: row.email };
}

/** An account as others see it. */
export function toPublicUser(row: Pick<UserRow, 'id' | 'username' | 'role' | 'name' | 'createdAt'>): PublicUser {
  return {
    id: String(row.id),
    username: row.username,
    role: row.role,
    name: row.name,
    created_at: row.createdAt.toISOString(),
  };
}
