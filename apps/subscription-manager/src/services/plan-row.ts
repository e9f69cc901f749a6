import { plans } from '@motience/database';
import { type PlanTerms, planTermsSchema } from '@motience/ledger/pricing';
import type { Plan } from '@motience/protocol';
import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';

export type PlanRow = typeof plans.$inferSelect;

/** A row as the API shows it. */
export function toPlan(row: PlanRow): Plan {
  return {
    id: String(row.id),
    producer_id: String(row.producerId),
    name: row.name,
    terms: writeTerms(readTerms(row)),
    max_silence_seconds: row.maxSilenceSeconds,
    status: row.withdrawnAt === null ? 'offered' : 'withdrawn',
    created_at: row.createdAt.toISOString(),
    withdrawn_at: row.withdrawnAt?.toISOString() ?? null,
    ends_at: row.endsAt?.toISOString() ?? null,
    succeeded_by: row.succeededBy === null ? null : String(row.succeededBy),
  };
}

export function readTerms({ terms }: Pick<PlanRow, 'terms'>): PlanTerms {
  return planTermsSchema.parse(terms);
}

/** Terms as they are stored and shown: amounts are decimal texts. */
export function writeTerms(terms: PlanTerms) {
  return planTermsSchema.encode(terms);
}

/** Condition of the plans of a producer that can be subscribed on. */
export function offeredBy(producerId: string): SQL | undefined {
  return and(eq(plans.producerId, BigInt(producerId)), isNull(plans.withdrawnAt));
}

/** Condition of a plan that has not ended. */
export const notEnded = sql<boolean>`(${plans.closedAt} is null and (${plans.endsAt} is null or ${plans.endsAt} > clock_timestamp()))`;
