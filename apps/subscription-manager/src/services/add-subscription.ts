import { subscriptions } from '@motience/database';
import type { Plan, Subscription, SubscriptionRequest } from '@motience/protocol';
import type { Context } from '../context.ts';
import { isAllowed } from './access-row.ts';
import { choosePlan } from './choose-plan.ts';
import { lockAccount } from './lock-account.ts';
import { toPlan } from './plan-row.ts';
import { putRequest } from './put-request.ts';
import { beginSubscription, movePlan } from './put-subscription.ts';
import { readApproval } from './read-approval.ts';
import { decideOpen } from './request-row.ts';
import { requireProducer } from './require-producer.ts';
import { requireRoom } from './require-room.ts';
import { activeBetween, toSubscription } from './subscription-row.ts';

interface NewSubscription {
  consumerId: string;
  producerId: string;
  /** The plan that is named; without it, a free one is taken. */
  planId?: string | undefined;
}

/** A subscription, a request that the producer has to approve first, or the plans of which one has to be named first. */
export type Subscribed =
  | { subscription: Subscription; isNew: boolean }
  | { request: SubscriptionRequest }
  | { plansToName: Plan[] };

/**
 * Subscribes, asks the producer where it approves each consumer and has not allowed this one, or finds the subscription that is already active; naming another plan than that one's ends it and makes
 * a new one at the same instant. `not-found` if there is no such producer or the producer offers no such plan,
 * `forbidden` if the producer denies the consumer, `conflict` at the limit of subscriptions or requests, `rate-limited` at that of changes. Requests of one consumer run one after
 * the other, so the limit holds however many come at once.
 */
export async function addSubscription(
  services: Pick<Context, 'database' | 'changes' | 'config'>,
  { consumerId, producerId, planId }: NewSubscription,
): Promise<Subscribed> {
  const { database, changes, config } = services;
  return database.db.transaction(async (tx) => {
    await lockAccount(tx, consumerId);
    const [active] = await tx.select().from(subscriptions).where(activeBetween(consumerId, producerId));
    if (active && (planId === undefined || active.planId === BigInt(planId))) {
      return { subscription: toSubscription(active), isNew: false };
    }
    await requireProducer(tx, producerId);
    const allowed = await isAllowed(tx, producerId, consumerId);
    const choice = await choosePlan(tx, producerId, planId);
    if ('toBeNamed' in choice) return { plansToName: choice.toBeNamed.map(toPlan) };
    if (active && choice.planId !== null) {
      await changes.consume(consumerId);
      return { subscription: toSubscription(await movePlan(tx, active, choice.planId)), isNew: true };
    }
    const approval = await readApproval(tx, producerId);
    if (approval === 'by-producer' && !allowed) {
      return { request: await putRequest(tx, services, { consumerId, producerId, planId: choice.planId }) };
    }
    await requireRoom(tx, consumerId, config.subscriptionsPerConsumer);
    await changes.consume(consumerId);
    const pair = { consumerId: BigInt(consumerId), producerId: BigInt(producerId) };
    await decideOpen(tx, pair, 'approved');
    const added = await beginSubscription(tx, { ...pair, planId: choice.planId });
    return { subscription: toSubscription(added), isNew: true };
  });
}
