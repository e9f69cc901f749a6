import { apiKeys, devices, type Queryable, rightsOutbox, sessions, subscriptions, users } from '@motience/database';
import { keyScopeSchema } from '@motience/protocol';
import type { Grant, Right } from '@motience/stream-log';
import type { KeyGrant } from '@motience/tokens';
import { and, eq, gt, inArray, isNull, or, sql } from 'drizzle-orm';

/** Condition of a session that still counts. */
export const sessionIsLive = and(isNull(sessions.revokedAt), gt(sessions.expiresAt, sql`now()`));

/** Whole seconds until a session ends, at least 1. */
export const secondsLeft = sql<number>`greatest(1, ceil(extract(epoch from ${sessions.expiresAt} - now())))::int`;

/** Since when a consumer has been subscribed without a break, in ms since 1970; rounded up, so that it never says too early. */
export const subscribedSince = sql<number>`
  ceil(extract(epoch from coalesce(subscriptions.since, subscriptions.created_at)) * 1000)::bigint`;

/** The id of a subscription that has a plan, on which what is delivered is counted; null where it has none. */
export const meteredId = sql<
  string | null
>`case when subscriptions.plan_id is not null then subscriptions.id::text end`;

/** Condition of an API key that counts. */
export const keyIsLive = and(
  isNull(apiKeys.revokedAt),
  or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`)),
);

/** What a key is granted by, with when it was used last. Of users it needs the role. */
export const keyColumns = {
  id: apiKeys.id,
  userId: apiKeys.userId,
  role: users.role,
  scopes: apiKeys.scopes,
  secretHash: apiKeys.secretHash,
  expiresAt: apiKeys.expiresAt,
  lastUsedAt: apiKeys.lastUsedAt,
};
interface KeyRow {
  userId: bigint;
  role: KeyGrant['role'];
  scopes: string[];
  secretHash: string;
  expiresAt: Date | null;
}

/** What a key may be used for, and what it is checked against. Scopes that there are no more count for nothing. */
export function keyGrantOf({ userId, role, scopes, secretHash, expiresAt }: KeyRow): KeyGrant {
  return {
    accountId: String(userId),
    role,
    scopes: scopes.flatMap((scope) => keyScopeSchema.safeParse(scope).data ?? []),
    secretHash,
    expiresAt: expiresAt?.getTime() ?? null,
  };
}

/** A key as it is granted to the gateways; it lasts a whole number of seconds, at least 1. */
export function keyTerms(row: KeyRow): { seconds: number | undefined; apiKey: string } {
  const seconds =
    row.expiresAt === null ? undefined : Math.max(1, Math.ceil((row.expiresAt.getTime() - Date.now()) / 1000));
  return { seconds, apiKey: JSON.stringify(keyGrantOf(row)) };
}

/** An API key that counts. */
export async function findKey(queryable: Queryable, id: string) {
  const [row] = await queryable
    .select(keyColumns)
    .from(apiKeys)
    .innerJoin(users, eq(users.id, apiKeys.userId))
    .where(and(eq(apiKeys.id, id), keyIsLive));
  return row;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A right as PostgreSQL grants it now; undefined if it does not. */
export async function readTruth(tx: Queryable, { kind, accountId: account, item }: Right): Promise<Grant | undefined> {
  const accountId = BigInt(account);
  if (kind === 'session') {
    if (!uuid.test(item)) return undefined;
    const [row] = await tx
      .select({ seconds: secondsLeft })
      .from(sessions)
      .where(and(eq(sessions.id, item), eq(sessions.userId, accountId), sessionIsLive));
    if (row) return { kind, accountId: account, item, seconds: row.seconds };
    const key = await findKey(tx, item);
    return key?.userId === accountId ? { kind, accountId: account, item, ...keyTerms(key) } : undefined;
  }
  if (kind === 'device') {
    const [row] = await tx
      .select({ id: devices.id })
      .from(devices)
      .where(and(eq(devices.producerId, accountId), eq(devices.deviceId, item)));
    return row && { kind, accountId: account, item };
  }
  const [row] = await tx
    .select({ since: subscribedSince.mapWith(Number), subscriptionId: meteredId })
    .from(subscriptions)
    .where(
      and(
        eq(subscriptions.consumerId, accountId),
        eq(subscriptions.producerId, BigInt(item)),
        eq(subscriptions.status, 'active'),
      ),
    );
  return row && { kind, accountId: account, item, since: row.since, subscriptionId: row.subscriptionId ?? undefined };
}

/** Outbox rows of one right that are committed now. */
export async function readOutboxIds(tx: Queryable, right: Right): Promise<bigint[]> {
  const rows = await tx
    .select({ id: rightsOutbox.id })
    .from(rightsOutbox)
    .where(
      and(
        eq(rightsOutbox.kind, right.kind),
        eq(rightsOutbox.accountId, BigInt(right.accountId)),
        eq(rightsOutbox.item, right.item),
      ),
    );
  return rows.map(({ id }) => id);
}

export async function deleteOutboxRows(tx: Queryable, ids: bigint[]): Promise<void> {
  if (ids.length > 0) await tx.delete(rightsOutbox).where(inArray(rightsOutbox.id, ids));
}

/** Whether the session of an access token still lives: not logged out, revoked or expired. */
export async function isSessionLive(queryable: Queryable, claims: { sub: string; sid: string }): Promise<boolean> {
  return (await readTruth(queryable, { kind: 'session', accountId: claims.sub, item: claims.sid })) !== undefined;
}
