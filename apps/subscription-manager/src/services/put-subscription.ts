import { type Queryable, subscriptions } from '@motience/database';
import { recordRightChange } from '@motience/rights';
import { eq, type SQL, sql } from 'drizzle-orm';
import type { SubscriptionRow } from './subscription-row.ts';

interface Put {
  consumerId: bigint;
  producerId: bigint;
  planId: bigint | null;
}

/** Makes a subscription. Whoever calls it has locked the consumer, and seen that none is active. */
export async function beginSubscription(
  tx: Queryable,
  { consumerId, producerId, planId }: Put,
): Promise<SubscriptionRow> {
  // Not when the transaction began: it may have waited for one that ended the former subscription.
  return insert(tx, { consumerId, producerId, planId, createdAt: sql`clock_timestamp()` });
}

/**
 * Puts a subscription on another plan: it ends, and a new one begins at the very same instant. Whoever calls it has
 * locked the consumer.
 */
export async function movePlan(
  tx: Queryable,
  active: Pick<SubscriptionRow, 'id' | 'consumerId' | 'producerId'>,
  planId: bigint,
): Promise<SubscriptionRow> {
  await endRow(tx, active.id);
  const ofFormer = (column: SQL) => sql`(select ${column} from subscriptions where id = ${active.id})`;
  return insert(tx, {
    consumerId: active.consumerId,
    producerId: active.producerId,
    planId,
    createdAt: ofFormer(sql`ended_at`),
    since: ofFormer(sql`coalesce(since, created_at)`),
  });
}

/** Ends a subscription; the row stays, as ended. Whoever calls it has locked the consumer, and seen that it is active. */
export async function finishSubscription(
  tx: Queryable,
  active: Pick<SubscriptionRow, 'id' | 'consumerId' | 'producerId'>,
): Promise<SubscriptionRow> {
  const ended = await endRow(tx, active.id);
  await recordChange(tx, ended);
  return ended;
}

async function endRow(tx: Queryable, id: bigint): Promise<SubscriptionRow> {
  const [ended] = await tx
    .update(subscriptions)
    .set({ status: 'cancelled', endedAt: sql`greatest(clock_timestamp(), ${subscriptions.createdAt})` })
    .where(eq(subscriptions.id, id))
    .returning();
  if (!ended) throw new Error(`subscription ${id} is gone`);
  return ended;
}

async function insert(tx: Queryable, values: Put & { createdAt: SQL; since?: SQL }): Promise<SubscriptionRow> {
  const [added] = await tx.insert(subscriptions).values(values).returning();
  if (!added) throw new Error('the insert returned no row');
  await recordChange(tx, added);
  return added;
}

async function recordChange(tx: Queryable, { consumerId, producerId }: SubscriptionRow): Promise<void> {
  await recordRightChange(tx, { kind: 'subscription', accountId: String(consumerId), item: String(producerId) });
}
