import { subscriptions, users } from '@motience/database';
import type { PublicUser } from '@motience/protocol';
import { afterCursor, type Page, type PageQuery, pageOf } from '@motience/service-kit';
import type { AccessClaims } from '@motience/tokens';
import { and, asc, eq, exists, gt, ilike, or, type SQL } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { toPublicUser } from './user-row.ts';

export type AccountQuery = PageQuery & { q?: string | undefined };

/** All producers, for whoever is signed in. `q` finds in username and name. */
export async function listProducers(
  context: Context,
  claims: AccessClaims,
  query: AccountQuery,
): Promise<Page<PublicUser>> {
  return listAccounts(context, claims, query, eq(users.role, 'producer'));
}

/** Consumers: to an admin all, to a producer its subscribers, to a consumer itself. */
export async function listConsumers(
  context: Context,
  claims: AccessClaims,
  query: AccountQuery,
): Promise<Page<PublicUser>> {
  return listAccounts(context, claims, query, and(eq(users.role, 'consumer'), visibleTo(context, claims)));
}

function visibleTo({ database }: Context, { role, sub }: AccessClaims): SQL | undefined {
  const ownId = BigInt(sub);
  if (role === 'admin') return undefined;
  if (role === 'consumer') return eq(users.id, ownId);
  const subscription = and(
    eq(subscriptions.consumerId, users.id),
    eq(subscriptions.producerId, ownId),
    eq(subscriptions.status, 'active'),
  );
  return exists(database.db.select({ id: subscriptions.id }).from(subscriptions).where(subscription));
}

/** `rate-limited` at the limit of lists, and `unavailable` where too many ask at once, or it takes too long. */
async function listAccounts(
  { limits, accountLists: { turns, database } }: Context,
  { sub }: AccessClaims,
  { limit, cursor, q }: AccountQuery,
  which: SQL | undefined,
) {
  await limits.accountLists.consume(sub);
  const { id, username, role, name, createdAt } = users;
  const rows = await turns.run(sub, async () =>
    database.db
      .select({ id, username, role, name, createdAt })
      .from(users)
      .where(and(which, gt(users.id, afterCursor(cursor)), q === undefined ? undefined : matching(q)))
      .orderBy(asc(users.id))
      .limit(limit + 1),
  );
  return pageOf(rows, limit, toPublicUser);
}

function matching(q: string): SQL | undefined {
  const pattern = `%${q.replace(/[\\%_]/g, '\\$&')}%`;
  return or(ilike(users.username, pattern), ilike(users.name, pattern));
}
