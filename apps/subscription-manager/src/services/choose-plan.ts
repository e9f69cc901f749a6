import { plans, type Queryable } from '@motience/database';
import { Refusal } from '@motience/protocol';
import { and, count, eq } from 'drizzle-orm';
import { readOfferedPlans } from './own-plans.ts';
import { offeredBy, type PlanRow, readTerms } from './plan-row.ts';

/** What a new subscription is on: a plan, none because the producer never had one, or nothing before one is named. */
export type PlanChoice = { planId: bigint | null } | { toBeNamed: PlanRow[] };

/**
 * The plan of a new subscription: the one that is named, or the oldest free one. It stays offered until the transaction
 * ends. `not-found` if the producer does not offer the one that is named.
 */
export async function choosePlan(tx: Queryable, producerId: string, named: string | undefined): Promise<PlanChoice> {
  if (named !== undefined) return { planId: await holdOffered(tx, producerId, BigInt(named)) };
  const offered = await readOfferedPlans(tx, producerId);
  const free = offered.find((plan) => readTerms(plan).kind === 'free');
  if (free) return { planId: await holdOffered(tx, producerId, free.id) };
  if (offered.length > 0) return { toBeNamed: offered };
  const [row] = await tx
    .select({ plans: count() })
    .from(plans)
    .where(eq(plans.producerId, BigInt(producerId)));
  // Whoever withdrew all plans does not mean to give the stream away.
  return (row?.plans ?? 0) > 0 ? { toBeNamed: [] } : { planId: null };
}

/** `not-found` if the producer does not offer the plan; otherwise it stays offered until the transaction ends. */
export async function holdOffered(tx: Queryable, producerId: string, planId: bigint): Promise<bigint> {
  const [plan] = await tx
    .select({ id: plans.id })
    .from(plans)
    .where(and(eq(plans.id, planId), offeredBy(producerId)))
    .for('share');
  if (plan) return plan.id;
  const message = `producer ${producerId} offers no plan ${planId}`;
  throw new Refusal('not-found', `plan_id: ${message}`, { details: [{ path: 'plan_id', message }] });
}
