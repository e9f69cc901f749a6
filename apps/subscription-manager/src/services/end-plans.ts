import { plans, type Queryable, subscriptions, users } from '@motience/database';
import type { Right } from '@motience/stream-log';
import { and, asc, eq, gt, isNull, lte, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { notEnded, type PlanRow, readTerms } from './plan-row.ts';
import { finishSubscription, movePlan } from './put-subscription.ts';

/** Subscribers moved at the same time; each takes a connection to PostgreSQL, and one more while its right is projected. */
const movedAtOnce = 3;
/** Plans, and subscribers of each, looked up at a time. */
const plansAtOnce = 100;
const foundAtOnce = 500;
const closedAtOnce = 100;

const hasEnded = and(isNull(plans.closedAt), lte(plans.endsAt, sql`clock_timestamp()`));

interface Waiting {
  subscriptionId: bigint;
  consumerId: bigint;
  plan: PlanRow;
}

/** All subscribers whose plan has ended, plan by plan, each in the order they came. */
async function* findWaiting(queryable: Queryable): AsyncGenerator<Waiting> {
  for (let afterPlan = 0n; ; ) {
    const ended = await queryable
      .select()
      .from(plans)
      .where(and(hasEnded, gt(plans.id, afterPlan)))
      .orderBy(asc(plans.id))
      .limit(plansAtOnce);
    for (const plan of ended) yield* findSubscribers(queryable, plan);
    const last = ended.at(-1);
    if (!last || ended.length < plansAtOnce) return;
    afterPlan = last.id;
  }
}

async function* findSubscribers(queryable: Queryable, plan: PlanRow): AsyncGenerator<Waiting> {
  for (let after = 0n; ; ) {
    const found = await queryable
      .select({ subscriptionId: subscriptions.id, consumerId: subscriptions.consumerId })
      .from(subscriptions)
      .where(and(eq(subscriptions.planId, plan.id), eq(subscriptions.status, 'active'), gt(subscriptions.id, after)))
      .orderBy(asc(subscriptions.id))
      .limit(foundAtOnce);
    for (const subscriber of found) yield { ...subscriber, plan };
    const last = found.at(-1);
    if (!last || found.length < foundAtOnce) return;
    after = last.subscriptionId;
  }
}

/**
 * Takes a subscriber off a plan that has ended: onto the one that succeeds it, or off the stream where there is none. The
 * right that changed; undefined if somebody else is changing it, or has.
 */
async function moveSubscriber(
  tx: Queryable,
  { subscriptionId, consumerId, plan }: Waiting,
): Promise<Right | undefined> {
  const locked = await tx
    .select({ id: users.id })
    .from(users)
    .where(eq(users.id, consumerId))
    .for('no key update', { skipLocked: true });
  if (locked.length === 0) return undefined;
  // With the consumer locked nothing else changes it; but until then something may have.
  const [active] = await tx
    .select()
    .from(subscriptions)
    .where(and(eq(subscriptions.id, subscriptionId), eq(subscriptions.status, 'active')));
  if (!active) return undefined;
  const successor = await holdSuccessor(tx, plan);
  if (successor && mayFollow(plan, successor)) await movePlan(tx, active, successor.id);
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

/**
 * Nobody is charged without having named a plan: from one that is free only to one that is free, and from one that is not
 * to one in the same currency, though there were free ones in between.
 */
function mayFollow(former: PlanRow, successor: PlanRow): boolean {
  const [had, gets] = [readTerms(former), readTerms(successor)];
  return gets.kind === 'free' || (had.kind !== 'free' && had.currency === gets.currency);
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
          // In the order they are indexed: of an `exists` PostgreSQL may expect to find one soon, and read all that have ended.
          sql`(select ${subscriptions.id} from ${subscriptions} where ${subscriptions.planId} = ${id}
            and ${subscriptions.status} = 'active' order by ${subscriptions.id} limit 1) is null`,
        ),
      );
  }
}

/**
 * Moves all subscribers whose plan has ended by now, in one transaction each. Any number of processes may do it at once,
 * and stop in between: who is being moved by another one is left to it. Throws, once all were tried, what the first of
 * those threw that could not be moved.
 */
export async function endPlans(
  { database, projector }: Pick<Context, 'database' | 'projector'>,
  isStopped = () => false,
): Promise<void> {
  const errors: unknown[] = [];
  // One list for all who move: a generator answers whoever asks, one after the other.
  const waiting = findWaiting(database.db);
  const moveSome = async () => {
    for (let next = await waiting.next(); !next.done && !isStopped(); next = await waiting.next()) {
      const subscriber = next.value;
      try {
        const right = await database.db.transaction((tx) => moveSubscriber(tx, subscriber));
        if (right) await projector.project(right);
      } catch (error) {
        if (errors.length === 0) errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: movedAtOnce }, moveSome));
  if (!isStopped()) await database.db.transaction(closePlans);
  if (errors.length > 0) throw errors[0];
}
