import { z } from 'zod';
import { nameSchema } from './auth-http.ts';
import { idSchema } from './names.ts';

const silenceExpected = 'expected a whole number of seconds from 1 to 31622400';

/** What a producer says of a new plan. `terms` are those of the package that knows prices. */
export function newPlanSchema<Terms extends z.ZodType>(terms: Terms) {
  return z.strictObject({
    name: nameSchema,
    terms,
    /** The promise: a stream that is silent for longer gives the time back to those who pay by time. */
    max_silence_seconds: z
      .int({ error: silenceExpected })
      .min(1, silenceExpected)
      .max(31_622_400, silenceExpected)
      .optional(),
  });
}

export const planSchema = z.object({
  id: idSchema,
  producer_id: idSchema,
  name: z.string(),
  /** As they were given; each amount is a decimal text, such as "12.50". */
  terms: z.looseObject({ kind: z.string() }),
  max_silence_seconds: z.int().nullable(),
  /** Only on one that is offered can be subscribed. */
  status: z.enum(['offered', 'withdrawn']),
  created_at: z.iso.datetime(),
  withdrawn_at: z.iso.datetime().nullable(),
  /** When those who have it lose it, or get the one that succeeds it. */
  ends_at: z.iso.datetime().nullable(),
  succeeded_by: idSchema.nullable(),
});
/** What a producer asks for its stream. Never edited: it is withdrawn, and may be succeeded by another one. */
export type Plan = z.infer<typeof planSchema>;

/** What is told of a plan to whoever could subscribe on it. */
export const plansSchema = z.object({ items: z.array(planSchema) });
