import { plans, type Queryable } from '@motience/database';
import type { PlanTerms } from '@motience/ledger/pricing';
import { type Plan, Refusal } from '@motience/protocol';
import { afterCursor, type Page, type PageQuery, pageOf } from '@motience/service-kit';
import { and, asc, count, eq, gt } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { lockAccount } from './lock-account.ts';
import { notEnded, offeredBy, type PlanRow, toPlan, writeTerms } from './plan-row.ts';
import { requireProducer } from './require-producer.ts';

export interface NewPlan {
  name: string;
  terms: PlanTerms;
  max_silence_seconds?: number | undefined;
}

/** Offers a plan. `conflict` at the limit of plans, `rate-limited` at that of changes. */
export async function addPlan(
  { database, changes, config }: Pick<Context, 'database' | 'changes' | 'config'>,
  producerId: string,
  plan: NewPlan,
): Promise<Plan> {
  return database.db.transaction(async (tx) => {
    await lockAccount(tx, producerId);
    await requireRoom(tx, producerId, config.plansPerProducer);
    await changes.consume(producerId);
    return toPlan(await insertPlan(tx, producerId, plan));
  });
}

export async function insertPlan(tx: Queryable, producerId: string, plan: NewPlan): Promise<PlanRow> {
  const [row] = await tx
    .insert(plans)
    .values({
      producerId: BigInt(producerId),
      name: plan.name,
      terms: writeTerms(plan.terms),
      maxSilenceSeconds: plan.max_silence_seconds ?? null,
    })
    .returning();
  if (!row) throw new Error('the insert returned no row');
  return row;
}

/** A page of all plans of a producer, in the order they were made. */
export async function listPlans({ database }: Context, producerId: string, query: PageQuery): Promise<Page<Plan>> {
  const rows = await database.db
    .select()
    .from(plans)
    .where(and(eq(plans.producerId, BigInt(producerId)), gt(plans.id, afterCursor(query.cursor))))
    .orderBy(asc(plans.id))
    .limit(query.limit + 1);
  return pageOf(rows, query.limit, toPlan);
}

/** The plans a producer offers now, oldest first. `not-found` if there is no such producer. */
export async function listOfferedPlans({ database }: Context, producerId: string): Promise<Plan[]> {
  const offered = await readOfferedPlans(database.db, producerId);
  if (offered.length === 0) await requireProducer(database.db, producerId);
  return offered.map(toPlan);
}

/** Their number is bounded by that of the plans a producer may have. */
export async function readOfferedPlans(queryable: Queryable, producerId: string): Promise<PlanRow[]> {
  return queryable.select().from(plans).where(offeredBy(producerId)).orderBy(asc(plans.id));
}

/** Those that still have to end count, so that nobody's notice is crowded out by ever newer ones. */
export async function requireRoom(tx: Queryable, producerId: string, limit: number): Promise<void> {
  const [row] = await tx
    .select({ plans: count() })
    .from(plans)
    .where(and(eq(plans.producerId, BigInt(producerId)), notEnded));
  if ((row?.plans ?? 0) < limit) return;
  throw new Refusal('conflict', `a producer may have at most ${limit} plans that have not ended; withdraw another one`);
}
