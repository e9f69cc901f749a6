import { z } from 'zod';
import { errorBodySchema } from './errors.ts';
import { idSchema } from './names.ts';
import { planSchema } from './plan-http.ts';

export const subscribeRequestSchema = z.strictObject({
  producer_id: idSchema,
  /** A plan that the producer offers; without it, a free one is taken. */
  plan_id: idSchema.optional(),
  /** The consumer is always the token's; naming another one is forbidden. */
  consumer_id: idSchema.optional(),
});

export const subscriptionSchema = z.object({
  id: idSchema,
  consumer_id: idSchema,
  producer_id: idSchema,
  /** What is paid for it; null where the stream was free without any plan. */
  plan_id: idSchema.nullable(),
  status: z.enum(['active', 'cancelled']),
  created_at: z.iso.datetime(),
  ended_at: z.iso.datetime().nullable(),
});
/** A consumer's right to receive a stream. */
export type Subscription = z.infer<typeof subscriptionSchema>;

/** A subscription with its plan and the names of both sides, as the lists show it. */
export const namedSubscriptionSchema = subscriptionSchema.extend({
  plan: planSchema.nullable(),
  producer_username: z.string(),
  consumer_username: z.string(),
});
export type NamedSubscription = z.infer<typeof namedSubscriptionSchema>;

/** Body of the refusal of whoever named no plan where none is free: nobody is charged without having named one. */
export const paymentRequiredSchema = errorBodySchema.extend({
  error: errorBodySchema.shape.error.extend({ plans: z.array(planSchema) }),
});
export type PaymentRequired = z.infer<typeof paymentRequiredSchema>;
