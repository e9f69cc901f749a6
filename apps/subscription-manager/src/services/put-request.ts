import { type Queryable, subscriptionRequests } from '@motience/database';
import { Refusal, type SubscriptionRequest } from '@motience/protocol';
import { and, count, eq, type SQL, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { deleteExpired, isOpen, pendingBetween, toRequest } from './request-row.ts';

interface NewRequest {
  consumerId: string;
  producerId: string;
  planId: bigint | null;
}

/**
 * Asks the producer, or finds the request that is open, which from now on is for the plan named last. `conflict` at the
 * limits of open requests. Whoever calls it has locked the consumer.
 */
export async function putRequest(
  tx: Queryable,
  { config, changes }: Pick<Context, 'config' | 'changes'>,
  request: NewRequest,
): Promise<SubscriptionRequest> {
  const [consumerId, producerId] = [BigInt(request.consumerId), BigInt(request.producerId)];
  await deleteExpired(tx, consumerId, producerId);
  const [open] = await tx.select().from(subscriptionRequests).where(pendingBetween(consumerId, producerId));
  if (open?.planId === request.planId) return toRequest(open);
  await changes.consume(request.consumerId);
  if (open) {
    const [row] = await tx
      .update(subscriptionRequests)
      .set({ planId: request.planId })
      .where(eq(subscriptionRequests.id, open.id))
      .returning();
    return toRequest(row ?? open);
  }
  const ofConsumer = eq(subscriptionRequests.consumerId, consumerId);
  await requireRoom(
    tx,
    ofConsumer,
    `a consumer may have at most ${config.requestsPerConsumer}`,
    config.requestsPerConsumer,
  );
  await lockRequestsOf(tx, producerId);
  const ofProducer = eq(subscriptionRequests.producerId, producerId);
  await requireRoom(
    tx,
    ofProducer,
    `a producer may have at most ${config.requestsPerProducer}`,
    config.requestsPerProducer,
  );
  const [row] = await tx
    .insert(subscriptionRequests)
    .values({
      consumerId,
      producerId,
      planId: request.planId,
      createdAt: sql`clock_timestamp()`,
      expiresAt: sql`clock_timestamp() + ${config.requestLifetimeMs} * interval '1 millisecond'`,
    })
    .returning();
  if (!row) throw new Error('the insert returned no row');
  return toRequest(row);
}

/**
 * Until the transaction ends, nobody else asks this producer, so that its limit holds however many consumers come at once.
 * Not by the producer's row: who succeeds a plan locks that before the plan, which is held here already.
 */
async function lockRequestsOf(tx: Queryable, producerId: bigint): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`requests/${producerId}`}, 0))`);
}

async function requireRoom(tx: Queryable, whose: SQL, most: string, limit: number): Promise<void> {
  const [row] = await tx.select({ open: count() }).from(subscriptionRequests).where(and(whose, isOpen));
  if ((row?.open ?? 0) >= limit) throw new Refusal('conflict', `${most} open requests`);
}
