import { type Database, plans, subscriptions, users } from '@motience/database';
import { type NamedSubscription, Refusal } from '@motience/protocol';
import { afterCursor, type Page, type PageQuery, pageOf } from '@motience/service-kit';
import { and, asc, eq, gt } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { toPlan } from './plan-row.ts';
import { toSubscription } from './subscription-row.ts';

/**
 * A page of the active subscriptions of a consumer, or to a producer, in the order they were made. `not-found` if there
 * is no such account.
 */
export async function readSubscriptions(
  { db }: Database,
  side: 'consumer' | 'producer',
  accountId: string,
  { limit, cursor }: PageQuery,
): Promise<Page<NamedSubscription>> {
  const id = BigInt(accountId);
  const after = afterCursor(cursor);
  const consumer = alias(users, 'consumer');
  const producer = alias(users, 'producer');
  const owner = side === 'consumer' ? subscriptions.consumerId : subscriptions.producerId;
  const rows = await db
    .select({
      id: subscriptions.id,
      subscription: subscriptions,
      plan: plans,
      consumerUsername: consumer.username,
      producerUsername: producer.username,
    })
    .from(subscriptions)
    .innerJoin(consumer, eq(consumer.id, subscriptions.consumerId))
    .innerJoin(producer, eq(producer.id, subscriptions.producerId))
    .leftJoin(plans, eq(plans.id, subscriptions.planId))
    .where(and(eq(owner, id), eq(subscriptions.status, 'active'), gt(subscriptions.id, after)))
    .orderBy(asc(subscriptions.id))
    .limit(limit + 1);
  if (rows.length === 0) await requireAccount(db, side, id);
  return pageOf(rows, limit, ({ subscription, plan, consumerUsername, producerUsername }) => ({
    ...toSubscription(subscription),
    plan: plan && toPlan(plan),
    consumer_username: consumerUsername,
    producer_username: producerUsername,
  }));
}

async function requireAccount(db: Database['db'], role: 'consumer' | 'producer', id: bigint): Promise<void> {
  const found = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, id), eq(users.role, role)));
  if (found.length === 0) throw new Refusal('not-found', `there is no ${role} ${id}`);
}
