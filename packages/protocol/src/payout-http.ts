import { z } from 'zod';
import { nameSchema, pageSchema } from './auth-http.ts';
import { amountTextSchema, currencyCodeSchema, requestKeySchema } from './billing-http.ts';
import { idSchema } from './names.ts';

/** What a producer says who wants earnings paid. `currency` and `amount` are those of the package that knows money. */
export function newPayoutSchema<Currency extends z.ZodType, Amount extends z.ZodType>(
  currency: Currency,
  amount: Amount,
) {
  return z.strictObject({ currency, amount, key: requestKeySchema });
}

export const payoutPaidSchema = z.strictObject({
  /** What the bank calls the payment. */
  reference: nameSchema,
});
export const payoutFailedSchema = z.strictObject({
  /** Why it failed, in words for the producer. */
  reason: nameSchema,
});

export const payoutStatusSchema = z.enum(['requested', 'approved', 'paid', 'failed'], {
  error: 'expected one of requested, approved, paid, failed',
});

export const payoutSchema = z.object({
  id: idSchema,
  producer_id: idSchema,
  currency: currencyCodeSchema,
  amount: amountTextSchema,
  key: z.string(),
  /** Until it is paid the amount is set aside; if it failed, it is back with the earnings. */
  status: payoutStatusSchema,
  /** Of one that is paid: what the bank calls the payment. Of one that failed: why. */
  note: z.string().nullable(),
  requested_at: z.iso.datetime(),
  approved_at: z.iso.datetime().nullable(),
  ended_at: z.iso.datetime().nullable(),
});
/** Earnings on their way to a producer. */
export type Payout = z.infer<typeof payoutSchema>;
/** Newest first. */
export const payoutPageSchema = pageSchema(payoutSchema);

/** What of a producer's earnings can be paid out, by currency; amounts are decimal texts. */
export const availableEarningsSchema = z.object({
  items: z.array(
    z.object({
      currency: z.string(),
      /** All of it. */
      earnings: z.string(),
      available: z.string(),
      /** What silences may still be credited from, by month, and from when on it can be paid out. */
      not_yet: z.array(z.object({ amount: z.string(), from: z.iso.datetime() })),
    }),
  ),
});
export type AvailableEarnings = z.infer<typeof availableEarningsSchema>;
