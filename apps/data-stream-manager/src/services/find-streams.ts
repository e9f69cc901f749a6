import { type Database, subscriptions, users } from '@motience/database';
import type { Role } from '@motience/protocol';
import { and, asc, count, eq, gt, inArray } from 'drizzle-orm';

export interface Viewer {
  accountId: string;
  role: Role;
}

/** Producers whose streams someone may see, by id: an admin all, a producer its own, a consumer those it receives. */
export async function findVisibleProducers(
  db: Database['db'],
  viewer: Viewer,
  page: { after: bigint; limit: number },
): Promise<string[]> {
  const { accountId, role } = viewer;
  if (role === 'consumer') {
    const rows = await db
      .select({ id: subscriptions.producerId })
      .from(subscriptions)
      .where(
        and(
          eq(subscriptions.consumerId, BigInt(accountId)),
          eq(subscriptions.status, 'active'),
          gt(subscriptions.producerId, page.after),
        ),
      )
      .orderBy(asc(subscriptions.producerId))
      .limit(page.limit);
    return rows.map(({ id }) => String(id));
  }
  const own = role === 'producer' ? eq(users.id, BigInt(accountId)) : undefined;
  const rows = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, 'producer'), gt(users.id, page.after), own))
    .orderBy(asc(users.id))
    .limit(page.limit);
  return rows.map(({ id }) => String(id));
}

/** How many consumers receive each of these producers' streams. */
export async function countSubscribers(
  db: Database['db'],
  producerIds: readonly string[],
): Promise<Map<string, number>> {
  if (producerIds.length === 0) return new Map();
  const rows = await db
    .select({ id: subscriptions.producerId, subscribers: count() })
    .from(subscriptions)
    .where(and(inArray(subscriptions.producerId, producerIds.map(BigInt)), eq(subscriptions.status, 'active')))
    .groupBy(subscriptions.producerId);
  return new Map(rows.map(({ id, subscribers }) => [String(id), subscribers]));
}
