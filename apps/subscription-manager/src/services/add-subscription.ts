import { type Queryable, subscriptions } from '@motience/database';
import { type Plan, Refusal, type Subscription } from '@motience/protocol';
import { and, count, eq } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { choosePlan } from './choose-plan.ts';
import { lockAccount } from './lock-account.ts';
import { toPlan } from './plan-row.ts';
import { beginSubscription, movePlan } from './put-subscription.ts';
import { requireProducer } from './require-producer.ts';
import { activeBetween, toSubscription } from './subscription-row.ts';

interface NewSubscription {
  consumerId: string;
  producerId: string;
  /** The plan that is named; without it, a free one is taken. */
  planId?: string | undefined;
  /** How many active subscriptions the consumer may have. */
  limit: number;
}

/** A subscription, or the plans of which one has to be named first. */
export type Subscribed = { subscription: Subscription; isNew: boolean } | { plansToName: Plan[] };

/**
 * Subscribes, or finds the subscription that is already active; naming another plan than that one's ends it and makes
 * a new one at the same instant. `not-found` if there is no such producer or the producer offers no such plan,
 * `conflict` at the limit of subscriptions, `rate-limited` at that of changes. Requests of one consumer run one after
 * the other, so the limit holds however many come at once.
 */
export async function addSubscription(
  { database, changes }: Pick<Context, 'database' | 'changes'>,
  { consumerId, producerId, planId, limit }: NewSubscription,
): Promise<Subscribed> {
  return database.db.transaction(async (tx) => {
    await lockAccount(tx, consumerId);
    const [active] = await tx.select().from(subscriptions).where(activeBetween(consumerId, producerId));
    if (active && (planId === undefined || active.planId === BigInt(planId))) {
      return { subscription: toSubscription(active), isNew: false };
    }
    await requireProducer(tx, producerId);
    const choice = await choosePlan(tx, producerId, planId);
    if ('toBeNamed' in choice) return { plansToName: choice.toBeNamed.map(toPlan) };
    if (!active) await requireRoom(tx, consumerId, limit);
    await changes.consume(consumerId);
    const added =
      active && choice.planId !== null
        ? await movePlan(tx, active, choice.planId)
        : await beginSubscription(tx, {
            consumerId: BigInt(consumerId),
            producerId: BigInt(producerId),
            planId: choice.planId,
          });
    return { subscription: toSubscription(added), isNew: true };
  });
}

async function requireRoom(tx: Queryable, consumerId: string, limit: number): Promise<void> {
  const [row] = await tx
    .select({ active: count() })
    .from(subscriptions)
    .where(and(eq(subscriptions.consumerId, BigInt(consumerId)), eq(subscriptions.status, 'active')));
  if ((row?.active ?? 0) < limit) return;
  throw new Refusal('conflict', `a consumer may have at most ${limit} subscriptions; end another one first`);
}
