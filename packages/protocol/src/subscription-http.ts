import { z } from 'zod';
import { idSchema } from './names.ts';

export const subscribeRequestSchema = z.strictObject({
  producer_id: idSchema,
  /** The consumer is always the token's; naming another one is forbidden. */
  consumer_id: idSchema.optional(),
});

export const subscriptionSchema = z.object({
  id: idSchema,
  consumer_id: idSchema,
  producer_id: idSchema,
  status: z.enum(['active', 'cancelled']),
  created_at: z.iso.datetime(),
  ended_at: z.iso.datetime().nullable(),
});
/** A consumer's right to receive a stream. */
export type Subscription = z.infer<typeof subscriptionSchema>;

/** A subscription with the names of both sides, as the lists show it. */
export const namedSubscriptionSchema = subscriptionSchema.extend({
  producer_username: z.string(),
  consumer_username: z.string(),
});
export type NamedSubscription = z.infer<typeof namedSubscriptionSchema>;
