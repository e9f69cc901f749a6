import { apiKeys, lockAccounts, type Queryable } from '@motience/database';
import {
  type ApiKey,
  type CreatedKey,
  type FieldError,
  keyScopeSchema,
  keyScopes,
  type NewKey,
  Refusal,
  type Role,
} from '@motience/protocol';
import type { Page, PageQuery } from '@motience/service-kit';
import { type AccessClaims, apiKeyPrefix, newApiKey } from '@motience/tokens';
import { and, asc, count, eq, gt, isNull, or, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { changeRights } from './change-rights.ts';

type KeyRow = typeof apiKeys.$inferSelect;

/** How long a key that expires may last at most, in ms. */
const longestMs = 10 * 366 * 86_400_000;

/**
 * Makes a key, which gateways know by the time this returns. `invalid-request` for a scope that is not one of the role, or
 * an expiry that is not to come; `conflict` at the limit of keys, `rate-limited` at that of changes.
 */
export async function createKey(context: Context, { sub, role }: AccessClaims, wish: NewKey): Promise<CreatedKey> {
  const mistakes = [...scopeMistakes(role, wish.scopes), ...expiryMistakes(wish.expires_at)];
  if (mistakes.length > 0) {
    const message = mistakes.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new Refusal('invalid-request', message, { details: mistakes });
  }
  const { id, text, secretHash } = newApiKey();
  return changeRights(context, async (tx, changed) => {
    await lockOwner(tx, sub);
    await refuseTooMany(tx, sub, context.config.keysPerAccount);
    await context.limits.keyChanges.consume(sub);
    const [row] = await tx
      .insert(apiKeys)
      .values({
        id,
        userId: BigInt(sub),
        name: wish.name,
        secretHash,
        scopes: [...new Set(wish.scopes)],
        expiresAt: wish.expires_at === undefined ? null : new Date(wish.expires_at),
      })
      .returning();
    if (!row) throw new Error('the insert returned no row');
    await changed({ kind: 'session', accountId: sub, item: id });
    return { ...toApiKey(row), key: text };
  });
}

/** A page of the keys of an account, by their id. */
export async function listKeys({ database }: Context, accountId: string, query: PageQuery): Promise<Page<ApiKey>> {
  const rows = await database.db
    .select()
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.userId, BigInt(accountId)),
        query.cursor === undefined ? undefined : gt(apiKeys.id, afterKey(query.cursor)),
      ),
    )
    .orderBy(asc(apiKeys.id))
    .limit(query.limit + 1);
  const shown = rows.slice(0, query.limit);
  return { items: shown.map(toApiKey), next_cursor: rows.length > query.limit ? (shown.at(-1)?.id ?? null) : null };
}

/** Ends a key; its sockets are cut. Nothing happens to one that was revoked before. `not-found` if there is none. */
export async function revokeKey(context: Context, accountId: string, keyId: string): Promise<void> {
  await changeRights(context, async (tx, changed) => {
    const [found] = await tx
      .select({ revokedAt: apiKeys.revokedAt })
      .from(apiKeys)
      .where(and(eq(apiKeys.id, keyId), eq(apiKeys.userId, BigInt(accountId))))
      .for('update');
    if (!found) throw new Refusal('not-found', `there is no key ${keyId}`);
    if (found.revokedAt !== null) return;
    await context.limits.keyChanges.consume(accountId);
    await tx.update(apiKeys).set({ revokedAt: sql`now()` }).where(eq(apiKeys.id, keyId));
    await changed({ kind: 'session', accountId, item: keyId });
  });
}

/** One at a time per account, so that the limit holds however many come at once. */
async function lockOwner(tx: Queryable, accountId: string): Promise<void> {
  const found = await lockAccounts(tx, [BigInt(accountId)]);
  if (found.length === 0) throw new Refusal('unauthenticated', 'this account does not exist any more');
}

async function refuseTooMany(tx: Queryable, accountId: string, limit: number): Promise<void> {
  const [row] = await tx
    .select({ keys: count() })
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.userId, BigInt(accountId)),
        isNull(apiKeys.revokedAt),
        or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`)),
      ),
    );
  if ((row?.keys ?? 0) < limit) return;
  throw new Refusal('conflict', `an account may have at most ${limit} API keys; revoke another one first`);
}

function scopeMistakes(role: Role, scopes: NewKey['scopes']): FieldError[] {
  return scopes.flatMap((scope, at) => {
    const roles: readonly Role[] = keyScopes[scope];
    return roles.includes(role) ? [] : [{ path: `scopes.${at}`, message: `${scope} is not for a ${role}` }];
  });
}

function expiryMistakes(expiresAt: string | undefined): FieldError[] {
  if (expiresAt === undefined) return [];
  const fromNow = Date.parse(expiresAt) - Date.now();
  if (fromNow > 0 && fromNow <= longestMs) return [];
  return [{ path: 'expires_at', message: 'expected a time to come, within ten years' }];
}

function afterKey(cursor: string): string {
  const id = z.uuid().safeParse(cursor);
  if (id.success) return id.data;
  const message = 'expected a next_cursor that a former page returned';
  throw new Refusal('invalid-request', `cursor: ${message}`, { details: [{ path: 'cursor', message }] });
}

function toApiKey(row: KeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: apiKeyPrefix(row.id),
    scopes: row.scopes.flatMap((scope) => keyScopeSchema.safeParse(scope).data ?? []),
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt?.toISOString() ?? null,
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
    revoked_at: row.revokedAt?.toISOString() ?? null,
  };
}
