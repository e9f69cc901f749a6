import { type Queryable, subscriptions, users } from '@motience/database';
import { Refusal, type Subscription } from '@motience/protocol';
import { recordRightChange } from '@motience/rights';
import { and, count, eq, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { activeBetween, toSubscription } from './subscription-row.ts';

interface NewSubscription {
  consumerId: string;
  producerId: string;
  /** How many active subscriptions the consumer may have. */
  limit: number;
}

/**
 * Subscribes, or finds the subscription that is already active. `not-found` if there is no such producer, `conflict`
 * at the limit of subscriptions, `rate-limited` at that of changes. Requests of one consumer run one after the other, so the limit holds however many come at once.
 */
export async function addSubscription(
  { database, changes }: Pick<Context, 'database' | 'changes'>,
  { consumerId, producerId, limit }: NewSubscription,
): Promise<{ subscription: Subscription; isNew: boolean }> {
  return database.db.transaction(async (tx) => {
    await lockConsumer(tx, consumerId);
    const [active] = await tx.select().from(subscriptions).where(activeBetween(consumerId, producerId));
    if (active) return { subscription: toSubscription(active), isNew: false };
    await requireProducer(tx, producerId);
    await requireRoom(tx, consumerId, limit);
    await changes.consume(consumerId);
    const [added] = await tx
      .insert(subscriptions)
      .values({
        consumerId: BigInt(consumerId),
        producerId: BigInt(producerId),
        // Not when the transaction began: it may have waited for one that ended the former subscription.
        createdAt: sql`clock_timestamp()`,
      })
      .returning();
    if (!added) throw new Error('the insert returned no row');
    await recordRightChange(tx, { kind: 'subscription', accountId: consumerId, item: producerId });
    return { subscription: toSubscription(added), isNew: true };
  });
}

/** `no key update` leaves logins of the same account, which refer to its row, undisturbed. */
async function lockConsumer(tx: Queryable, consumerId: string): Promise<void> {
  const found = await tx
    .select({ id: users.id })
    .from(users)
    .where(eq(users.id, BigInt(consumerId)))
    .for('no key update');
  if (found.length === 0) throw new Refusal('unauthenticated', 'this account does not exist any more');
}

async function requireProducer(tx: Queryable, producerId: string): Promise<void> {
  const found = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, BigInt(producerId)), eq(users.role, 'producer')));
  if (found.length === 0) throw new Refusal('not-found', `there is no producer ${producerId}`);
}

async function requireRoom(tx: Queryable, consumerId: string, limit: number): Promise<void> {
  const [row] = await tx
    .select({ active: count() })
    .from(subscriptions)
    .where(and(eq(subscriptions.consumerId, BigInt(consumerId)), eq(subscriptions.status, 'active')));
  if ((row?.active ?? 0) < limit) return;
  throw new Refusal('conflict', `a consumer may have at most ${limit} subscriptions; end another one first`);
}
