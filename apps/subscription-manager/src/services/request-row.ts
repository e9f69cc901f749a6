import { type Queryable, subscriptionRequests } from '@motience/database';
import type { SubscriptionRequest } from '@motience/protocol';
import { and, eq, gt, lte, sql } from 'drizzle-orm';

export type RequestRow = typeof subscriptionRequests.$inferSelect;
type Decision = 'approved' | 'rejected' | 'cancelled';

/** A row as the API shows it. */
export function toRequest(row: RequestRow): SubscriptionRequest {
  const hasExpired = row.status === 'pending' && row.expiresAt.getTime() <= Date.now();
  return {
    id: String(row.id),
    consumer_id: String(row.consumerId),
    producer_id: String(row.producerId),
    plan_id: row.planId === null ? null : String(row.planId),
    status: hasExpired ? 'expired' : row.status,
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
    decided_at: row.decidedAt?.toISOString() ?? null,
  };
}

/** Condition of requests that can be decided. */
export const isOpen = and(
  eq(subscriptionRequests.status, 'pending'),
  gt(subscriptionRequests.expiresAt, sql`clock_timestamp()`),
);

/** Condition of the one request between the two that has not been decided, open or expired. */
export function pendingBetween(consumerId: bigint, producerId: bigint) {
  return and(
    eq(subscriptionRequests.consumerId, consumerId),
    eq(subscriptionRequests.producerId, producerId),
    eq(subscriptionRequests.status, 'pending'),
  );
}

/** Decides the open request between the two, if there is one. Whoever calls it has locked the consumer. */
export async function decideOpen(
  tx: Queryable,
  { consumerId, producerId }: { consumerId: bigint; producerId: bigint },
  decision: Decision,
): Promise<RequestRow | undefined> {
  const [row] = await tx
    .update(subscriptionRequests)
    .set({ status: decision, decidedAt: sql`clock_timestamp()` })
    .where(and(pendingBetween(consumerId, producerId), isOpen))
    .returning();
  return row;
}

/** An expired one leaves room for another. */
export async function deleteExpired(tx: Queryable, consumerId: bigint, producerId: bigint): Promise<void> {
  await tx
    .delete(subscriptionRequests)
    .where(and(pendingBetween(consumerId, producerId), lte(subscriptionRequests.expiresAt, sql`clock_timestamp()`)));
}
