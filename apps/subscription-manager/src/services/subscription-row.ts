import { subscriptions } from '@motience/database';
import type { Subscription } from '@motience/protocol';
import { and, eq } from 'drizzle-orm';

export type SubscriptionRow = typeof subscriptions.$inferSelect;

/** A row as the API shows it. */
export function toSubscription(row: SubscriptionRow): Subscription {
  return {
    id: String(row.id),
    consumer_id: String(row.consumerId),
    producer_id: String(row.producerId),
    plan_id: row.planId === null ? null : String(row.planId),
    status: row.status,
    created_at: row.createdAt.toISOString(),
    ended_at: row.endedAt?.toISOString() ?? null,
  };
}

/** Condition of the one subscription that is active between the two. */
export function activeBetween(consumerId: string, producerId: string) {
  return and(
    eq(subscriptions.consumerId, BigInt(consumerId)),
    eq(subscriptions.producerId, BigInt(producerId)),
    eq(subscriptions.status, 'active'),
  );
}
