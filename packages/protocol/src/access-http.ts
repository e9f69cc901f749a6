import { z } from 'zod';
import { idSchema } from './names.ts';

export const subscriptionRequestSchema = z.object({
  id: idSchema,
  consumer_id: idSchema,
  producer_id: idSchema,
  /** The plan it asks for; null where the stream was free without any plan. */
  plan_id: idSchema.nullable(),
  status: z.enum(['pending', 'approved', 'rejected', 'cancelled', 'expired']),
  created_at: z.iso.datetime(),
  /** A request that nobody decided by then has expired. */
  expires_at: z.iso.datetime(),
  decided_at: z.iso.datetime().nullable(),
});
/** A consumer's request to receive a stream whose producer approves each consumer. */
export type SubscriptionRequest = z.infer<typeof subscriptionRequestSchema>;

/** A request with the names of both sides, as the list shows it. */
export const namedSubscriptionRequestSchema = subscriptionRequestSchema.extend({
  producer_username: z.string(),
  consumer_username: z.string(),
});
export type NamedSubscriptionRequest = z.infer<typeof namedSubscriptionRequestSchema>;

/** What a producer says of a consumer: allowed without being asked, or denied. */
export const accessSchema = z.enum(['allow', 'deny'], { error: 'expected "allow" or "deny"' });
export type Access = z.infer<typeof accessSchema>;

export const accessRequestSchema = z.strictObject({ access: accessSchema });

export const accessEntrySchema = z.object({
  consumer_id: idSchema,
  /** Null where the consumer never asked this producer for anything. */
  consumer_username: z.string().nullable(),
  access: accessSchema,
  created_at: z.iso.datetime(),
});
export type AccessEntry = z.infer<typeof accessEntrySchema>;
