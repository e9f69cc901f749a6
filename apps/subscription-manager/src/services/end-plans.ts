import { plans, type Queryable, subscriptions, users } from '@motience/database';
import type { Right } from '@motience/stream-log';
import { and, asc, eq, isNull, lte, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { notEnded, type PlanRow, readTerms } from './plan-row.ts';
import { finishSubscription, movePlan } from './put-subscription.ts';

/** Subscribers moved at the same time; each takes a connection to PostgreSQL, and one more while its right is projected. */
const movedAtOnce = 3;
const closedAtOnce = 100;

const hasEnded = and(isNull(plans.closedAt), lte(plans.endsAt, sql`clock_timestamp()`));

/**
 * Takes one subscriber off a plan that has ended: onto the one that succeeds it, or off the stream where there is none.
 * One transaction; of several processes that do it at once each takes another one. The right that changed, or undefined
 * if there is nobody left.
 */
async function moveNextSubscriber(tx: Queryable): Promise<Right | 'retry' | undefined> {
  const [next] = await tx
    .select({ subscriptionId: subscriptions.id, plan: plans })
    .from(plans)
    .innerJoin(subscriptions, and(eq(subscriptions.planId, plans.id), eq(subscriptions.status, 'active')))
    .innerJoin(users, eq(users.id, subscriptions.consumerId))
    .where(hasEnded)
    .orderBy(asc(plans.endsAt))
    .limit(1)
    .for('no key update', { of: users, skipLocked: true });
  if (!next) return undefined;
  // With the consumer locked nothing else changes it; but until then something may have.
  const [active] = await tx
    .select()
    .from(subscriptions)
    .where(and(eq(subscriptions.id, next.subscriptionId), eq(subscriptions.status, 'active')));
  if (!active) return 'retry';
  const successor = await holdSuccessor(tx, next.plan);
  if (successor && mayFollow(next.plan, successor)) await movePlan(tx, active, successor.id);
  else await finishSubscription(tx, active);
  return { kind: 'subscription', accountId: String(active.consumerId), item: String(active.producerId) };
}

/** The first plan after this one that has not ended; it is not closed before the transaction ends. */
async function holdSuccessor(tx: Queryable, plan: PlanRow): Promise<PlanRow | undefined> {
  let { succeededBy } = plan;
  while (succeededBy !== null) {
    const [found] = await tx
      .select({ plan: plans, goesOn: notEnded.mapWith(Boolean) })
      .from(plans)
      .where(eq(plans.id, succeededBy))
      .for('share');
    if (!found) return undefined;
    if (found.goesOn) return found.plan;
    succeededBy = found.plan.succeededBy;
  }
  return undefined;
}

/** Nobody is charged without having named a plan: from one that is free only to one that is free. */
function mayFollow(former: PlanRow, successor: PlanRow): boolean {
  return readTerms(former).kind !== 'free' || readTerms(successor).kind === 'free';
}

/** Closes plans that have ended and that nobody has any more, so that they are not looked through again. */
async function closePlans(tx: Queryable): Promise<void> {
  const ended = await tx
    .select({ id: plans.id })
    .from(plans)
    .where(hasEnded)
    .orderBy(asc(plans.endsAt))
    .limit(closedAtOnce)
    // Whoever is moving someone onto one of them holds a share of it.
    .for('no key update', { skipLocked: true });
  for (const { id } of ended) {
    await tx
      .update(plans)
      .set({ closedAt: sql`clock_timestamp()` })
      .where(
        and(
          eq(plans.id, id),
          sql`not exists (select from ${subscriptions} where ${subscriptions.planId} = ${id} and ${subscriptions.status} = 'active')`,
        ),
      );
  }
}

/** Moves all subscribers whose plan has ended by now. Any number of processes may do it at once, and stop in between. */
export async function endPlans(
  { database, projector }: Pick<Context, 'database' | 'projector'>,
  isStopped = () => false,
): Promise<void> {
  const moveAll = async () => {
    while (!isStopped()) {
      const moved = await database.db.transaction(moveNextSubscriber);
      if (moved === undefined) return;
      if (moved !== 'retry') await projector.project(moved);
    }
  };
  await Promise.all(Array.from({ length: movedAtOnce }, moveAll));
  if (!isStopped()) await database.db.transaction(closePlans);
}
