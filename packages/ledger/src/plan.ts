import { z } from 'zod';
import { amountSchema, currencySchema, positiveAmountSchema } from './money.ts';

const count = (max: number) =>
  z.int({ error: 'expected a whole number' }).min(1, 'expected at least 1').max(max, `expected at most ${max}`);

/** What is free at first: a number of readings, or a time. Once per consumer and producer, whatever the plan. */
export const trialSchema = z.union(
  [z.strictObject({ readings: count(1_000_000_000) }), z.strictObject({ minutes: count(527_040) })],
  { error: 'expected {"readings": N} or {"minutes": T}' },
);
export type Trial = z.output<typeof trialSchema>;

/** For how long a producer lets existing subscribers keep a plan that is withdrawn. */
const notice = { minimum_notice_days: count(366).optional() };

const paid = {
  currency: currencySchema,
  trial: trialSchema.optional(),
  /** No calendar month costs more. */
  maximum_monthly_charge: positiveAmountSchema.optional(),
  ...notice,
};

/**
 * What a plan costs: a closed list of kinds. Prices are per unit of the kind; a megabyte is 1,000,000 bytes, a month is a
 * calendar month in UTC. `charge.ts` says how each is rounded.
 */
export const planTermsSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('free'), ...notice }),
    z.strictObject({ kind: z.literal('per-reading'), price: positiveAmountSchema, ...paid }),
    z.strictObject({ kind: z.literal('per-1000-readings'), price: positiveAmountSchema, ...paid }),
    z.strictObject({ kind: z.literal('per-megabyte'), price: positiveAmountSchema, ...paid }),
    z.strictObject({
      kind: z.literal('per-time'),
      price: positiveAmountSchema,
      per: z.enum(['hour', 'day', 'month'], { error: 'expected hour, day or month' }),
      ...paid,
    }),
    z.strictObject({
      kind: z.literal('monthly'),
      /** Due with the first reading of a month that is not in the trial. */
      price: amountSchema,
      quota_readings: count(Number.MAX_SAFE_INTEGER),
      /** What happens to readings past the quota: none are delivered, or each costs. */
      beyond_quota: z.union([z.literal('stop'), z.strictObject({ price_per_1000_readings: positiveAmountSchema })], {
        error: 'expected "stop" or {"price_per_1000_readings": amount}',
      }),
      ...paid,
    }),
  ],
  {
    error: 'expected kind to be one of free, per-reading, per-1000-readings, per-megabyte, per-time, monthly',
  },
);
export type PlanTerms = z.output<typeof planTermsSchema>;
