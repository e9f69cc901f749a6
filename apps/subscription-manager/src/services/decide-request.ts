import { type Queryable, subscriptionRequests } from '@motience/database';
import { Refusal, type Subscription, type SubscriptionRequest } from '@motience/protocol';
import { and, eq } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { holdOffered } from './choose-plan.ts';
import { lockAccount } from './lock-account.ts';
import { beginSubscription } from './put-subscription.ts';
import { decideOpen, type RequestRow, toRequest } from './request-row.ts';
import { requireRoom } from './require-room.ts';
import { toSubscription } from './subscription-row.ts';

type Services = Pick<Context, 'database' | 'changes' | 'config'>;
type Party = { column: 'consumerId' | 'producerId'; accountId: string };

/**
 * Subscribes the consumer who asked, on the plan it asked for. `not-found` if nobody asked this producer under that id,
 * `conflict` if it was decided, has expired, or cannot be done: the plan is not offered any more, or the consumer has as
 * many subscriptions as it may.
 */
export async function approveRequest(
  { database, changes, config }: Services,
  producerId: string,
  requestId: string,
): Promise<{ request: SubscriptionRequest; subscription: Subscription }> {
  return database.db.transaction(async (tx) => {
    const asked = await lockRequest(tx, { column: 'producerId', accountId: producerId }, requestId);
    const approved = await decideOpen(tx, asked, 'approved');
    if (approved?.id !== asked.id) throw decidedAlready(requestId);
    await changes.consume(producerId);
    if (asked.planId !== null) await holdPlan(tx, producerId, asked.planId);
    await requireRoom(tx, String(asked.consumerId), config.subscriptionsPerConsumer);
    return { request: toRequest(approved), subscription: toSubscription(await beginSubscription(tx, approved)) };
  });
}

/** Refuses the consumer who asked; it may ask again. Errors as of `approveRequest`. */
export async function rejectRequest(services: Services, producerId: string, requestId: string) {
  return decide(services, { column: 'producerId', accountId: producerId }, requestId, 'rejected');
}

/** Takes the own request back. Errors as of `approveRequest`. */
export async function cancelRequest(services: Services, consumerId: string, requestId: string) {
  return decide(services, { column: 'consumerId', accountId: consumerId }, requestId, 'cancelled');
}

async function decide(
  { database, changes }: Services,
  party: Party,
  requestId: string,
  decision: 'rejected' | 'cancelled',
): Promise<SubscriptionRequest> {
  return database.db.transaction(async (tx) => {
    const asked = await lockRequest(tx, party, requestId);
    const decided = await decideOpen(tx, asked, decision);
    if (decided?.id !== asked.id) throw decidedAlready(requestId);
    await changes.consume(party.accountId);
    return toRequest(decided);
  });
}

/** Finds a request of this party and locks its consumer, as whoever changes it does. */
async function lockRequest(tx: Queryable, { column, accountId }: Party, requestId: string): Promise<RequestRow> {
  const [found] = await tx
    .select()
    .from(subscriptionRequests)
    .where(and(eq(subscriptionRequests.id, BigInt(requestId)), eq(subscriptionRequests[column], BigInt(accountId))));
  if (!found) throw new Refusal('not-found', `there is no request ${requestId}`);
  await lockAccount(tx, String(found.consumerId));
  // It may have been changed to another plan meanwhile.
  const [current] = await tx.select().from(subscriptionRequests).where(eq(subscriptionRequests.id, found.id));
  if (!current) throw decidedAlready(requestId);
  return current;
}

async function holdPlan(tx: Queryable, producerId: string, planId: bigint): Promise<void> {
  await holdOffered(tx, producerId, planId).catch((error: unknown) => {
    if (!(error instanceof Refusal) || error.kind !== 'not-found') throw error;
    throw new Refusal('conflict', `plan ${planId}, which the request is for, is not offered any more`);
  });
}

function decidedAlready(requestId: string): Refusal {
  return new Refusal('conflict', `request ${requestId} is not open any more`);
}
