import { z } from 'zod';
import { pageQuerySchema } from './auth-http.ts';
import { amountTextSchema, currencyCodeSchema } from './billing-http.ts';
import { idSchema } from './names.ts';
import { daySchema, useSchema } from './statement-http.ts';

const maxDays = 366;
const dayMs = 86_400_000;

/** Days (UTC) from `from` until before `to`, at most a year of them, and what to add up by. */
export function periodQuerySchema<Groups extends z.ZodEnum>(groups: Groups) {
  return pageQuerySchema
    .extend({ from: daySchema, to: daySchema, group_by: groups })
    .superRefine(({ from, to }, context) => {
      const days = (Date.parse(to) - Date.parse(from)) / dayMs;
      if (days > 0 && days <= maxDays) return;
      const message = days > 0 ? `expected at most ${maxDays} days after from` : 'expected a day after from';
      context.addIssue({ code: 'custom', path: ['to'], message });
    });
}

export const usageGroupSchema = z.enum(['stream', 'day', 'device'], { error: 'expected one of stream, day, device' });
export const earningsGroupSchema = z.enum(['consumer', 'plan', 'day'], {
  error: 'expected one of consumer, plan, day',
});

const sumsSchema = z.object({
  /** The id of the producer, consumer or plan; or the day. */
  group: z.string(),
  /** What the producer, consumer or plan is called; null for a day. */
  name: z.string().nullable(),
  /** Null for what was free without a plan. */
  currency: currencyCodeSchema.nullable(),
  use: useSchema,
  trial: useSchema,
  charge: amountTextSchema,
  /** What was credited for silences on these days. */
  credited: amountTextSchema,
});
export type UsageSums = z.infer<typeof sumsSchema>;

export const deviceUseSchema = z.object({ device_id: z.string(), readings: z.string(), bytes: z.string() });

export const usageSchema = z.object({
  from: daySchema,
  to: daySchema,
  group_by: usageGroupSchema,
  items: z.array(sumsSchema),
  /** With `group_by=device`: readings by the device they are of. */
  devices: z.array(deviceUseSchema).nullable(),
  /** With `group_by=device`: readings that were delivered and are no longer stored, so that their device is not known. */
  not_stored: z.string().nullable(),
  next_cursor: z.string().nullable(),
});
export type Usage = z.infer<typeof usageSchema>;

export const earningsSchema = z.object({
  from: daySchema,
  to: daySchema,
  group_by: earningsGroupSchema,
  items: z.array(
    sumsSchema.extend({
      /** The platform's part of the charge, and what is left of it. */
      fee: amountTextSchema,
      earned: amountTextSchema,
    }),
  ),
  next_cursor: z.string().nullable(),
});
export type Earnings = z.infer<typeof earningsSchema>;

/** For `group_by=device`: of which producer. */
export const usageProducerSchema = idSchema.optional();
