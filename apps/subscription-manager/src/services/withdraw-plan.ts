import { plans, type Queryable } from '@motience/database';
import type { PlanTerms } from '@motience/ledger/pricing';
import { type Plan, Refusal } from '@motience/protocol';
import { and, eq, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { lockAccount } from './lock-account.ts';
import { insertPlan, type NewPlan, requireRoom } from './own-plans.ts';
import { type PlanRow, readTerms, toPlan } from './plan-row.ts';

/** Nobody gets to a plan that costs something sooner than that, whatever the one before promises. */
const leastNoticeDays = 1;

type Services = Pick<Context, 'database' | 'changes' | 'config'>;

/**
 * Offers a plan no more. Those who have it keep it until their notice has passed; one that nobody has ends at once.
 * Answers the same again for one that was withdrawn before. `not-found` if the producer has no such plan.
 */
export async function withdrawPlan({ database, changes }: Services, producerId: string, planId: string): Promise<Plan> {
  return database.db.transaction(async (tx) => {
    const plan = await lockOwnPlan(tx, producerId, planId);
    if (plan.withdrawnAt !== null) return toPlan(plan);
    await changes.consume(producerId);
    return toPlan(await setWithdrawn(tx, plan));
  });
}

/**
 * Withdraws a plan in favour of a new one, which those who have it get when their notice has passed: of at least a day,
 * unless the new one is free. `conflict` if it was withdrawn before, `invalid-request` for another currency.
 */
export async function succeedPlan(
  { database, changes, config }: Services,
  producerId: string,
  planId: string,
  successor: NewPlan,
): Promise<{ withdrawn: Plan; successor: Plan }> {
  return database.db.transaction(async (tx) => {
    await lockAccount(tx, producerId);
    const plan = await lockOwnPlan(tx, producerId, planId);
    if (plan.withdrawnAt !== null) throw new Refusal('conflict', `plan ${planId} is withdrawn already`);
    refuseOtherCurrency(readTerms(plan), successor.terms);
    await requireRoom(tx, producerId, config.plansPerProducer);
    await changes.consume(producerId);
    const next = await insertPlan(tx, producerId, successor);
    return { withdrawn: toPlan(await setWithdrawn(tx, plan, next)), successor: toPlan(next) };
  });
}

/** Waits for those who are just subscribing on it: they hold a share of its row. */
async function lockOwnPlan(tx: Queryable, producerId: string, planId: string): Promise<PlanRow> {
  const [plan] = await tx
    .select()
    .from(plans)
    .where(and(eq(plans.id, BigInt(planId)), eq(plans.producerId, BigInt(producerId))))
    .for('no key update');
  if (!plan) throw new Refusal('not-found', `you have no plan ${planId}`);
  return plan;
}

/**
 * The notice is that of the plan, or, if that is longer, of a plan that is on its way to it: whoever still has that one was
 * promised as much; and `leastNoticeDays` before anybody gets to one that costs something. In one statement with the look at the subscribers, so that whoever moves meanwhile is seen on either.
 */
async function setWithdrawn(tx: Queryable, plan: PlanRow, successor?: PlanRow): Promise<PlanRow> {
  const least = successor && readTerms(successor).kind !== 'free' ? leastNoticeDays : 0;
  const noticeDays = sql`(
    with recursive leading_here as (
      select id, terms from plans where id = ${plan.id}
      union all
      select earlier.id, earlier.terms from plans earlier
        join leading_here on earlier.succeeded_by = leading_here.id
        where earlier.producer_id = ${plan.producerId}
    )
    select coalesce(max(greatest((terms ->> 'minimum_notice_days')::int, ${least}::int)), 0) from leading_here
      where exists (select from subscriptions s where s.plan_id = leading_here.id and s.status = 'active')
  )`;
  const [row] = await tx
    .update(plans)
    .set({
      withdrawnAt: sql`clock_timestamp()`,
      // Days of 24 hours: a calendar's would depend on a time zone.
      endsAt: sql`clock_timestamp() + ${noticeDays} * interval '24 hours'`,
      succeededBy: successor?.id ?? null,
    })
    .where(eq(plans.id, plan.id))
    .returning();
  if (!row) throw new Error('the update returned no row');
  return row;
}

/** Whoever pays in one currency may have nothing in another. */
function refuseOtherCurrency(former: PlanTerms, next: PlanTerms): void {
  if (former.kind === 'free' || next.kind === 'free' || former.currency === next.currency) return;
  const message = `expected ${former.currency}, as in the plan it succeeds`;
  throw new Refusal('invalid-request', `terms.currency: ${message}`, {
    details: [{ path: 'terms.currency', message }],
  });
}
