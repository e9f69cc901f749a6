import { z } from 'zod';
import { amountTextSchema, currencyCodeSchema } from './billing-http.ts';
import { countSchema, epochSchema, idSchema, seqSchema } from './names.ts';

/** A calendar month in UTC. */
export const monthSchema = z
  .string({ error: 'expected a month such as 2026-11' })
  .regex(/^2\d{3}-(0[1-9]|1[0-2])$/, 'expected a month such as 2026-11');

/** A day in UTC. */
export const daySchema = z.iso
  .date('expected a day such as 2026-11-30')
  .regex(/^2\d{3}/, 'expected a day such as 2026-11-30');

/** What was delivered: how many readings, of how many bytes, in how much time. Decimal texts, because they can be large. */
const totalSchema = z.string().regex(/^\d+$/);
export const useSchema = z.object({ readings: totalSchema, bytes: totalSchema, seconds: totalSchema });

/** What a subscription used in a month, and what that costs. */
export const useLineSchema = z.object({
  kind: z.literal('use'),
  subscription_id: idSchema,
  /** Of the producer on a consumer's statement, of the consumer on a producer's. */
  account_id: idSchema,
  account_name: z.string(),
  plan: z
    .object({
      id: idSchema,
      name: z.string(),
      /** As they were given. */
      terms: z.looseObject({ kind: z.string() }),
      in_words: z.string(),
    })
    .nullable(),
  currency: currencyCodeSchema.nullable(),
  unit_price: z.string(),
  use: useSchema,
  /** What of it was free in a trial. */
  trial: useSchema,
  charge: amountTextSchema,
  /** The platform's part of the charge, on a producer's statement. */
  fee: amountTextSchema.nullable(),
  /** What it changes of the balance. */
  amount: amountTextSchema,
  /** What it is the sum of, by day. */
  days: z.array(
    z.object({
      day: daySchema,
      use: useSchema,
      trial: useSchema,
      charge: amountTextSchema,
      fee: amountTextSchema.nullable(),
    }),
  ),
  /** Where in the stream it was, by epoch: how many intervals of seq, and the first and last. At most the newest 50. */
  epochs: z.array(
    z.object({
      epoch: epochSchema,
      intervals: countSchema(),
      from: seqSchema,
      to: seqSchema,
      readings: totalSchema,
      bytes: totalSchema,
    }),
  ),
  /** Whether there are more of them. */
  more_epochs: z.boolean(),
});
export type UseLine = z.infer<typeof useLineSchema>;

/** Money that came, went or was given back, beside what is charged for use. */
export const movementLineSchema = z.object({
  kind: z.enum(['top-up', 'credit', 'refund', 'dispute', 'payout', 'reversal']),
  /** Of the ledger's transaction. */
  id: idSchema,
  at: z.iso.datetime(),
  currency: currencyCodeSchema,
  amount: amountTextSchema,
  subscription_id: idSchema.nullable(),
  /** Of a credit for silence: the day, and the seconds beyond the promise. */
  silence: z.object({ day: daySchema, seconds: totalSchema }).nullable(),
});
export type MovementLine = z.infer<typeof movementLineSchema>;

export const statementLineSchema = z.discriminatedUnion('kind', [useLineSchema, movementLineSchema]);
export type StatementLine = z.infer<typeof statementLineSchema>;

export const statementSchema = z.object({
  account_id: idSchema,
  account_name: z.string(),
  role: z.enum(['consumer', 'producer']),
  month: monthSchema,
  /** Whether the month is over and closed: then nothing of its statement ever changes. */
  final: z.boolean(),
  /** Per currency: what the account had, held and owed together, and what the whole month's lines changed of it. */
  balances: z.array(
    z.object({
      currency: currencyCodeSchema,
      opening: amountTextSchema,
      use: amountTextSchema,
      movements: amountTextSchema,
      closing: amountTextSchema,
    }),
  ),
  /** Use by subscription, then money in the order it moved. */
  lines: z.array(statementLineSchema),
  next_cursor: z.string().nullable(),
});
export type Statement = z.infer<typeof statementSchema>;

/** Months that there are statements of, newest first. */
export const statementListSchema = z.object({
  items: z.array(z.object({ month: monthSchema, final: z.boolean() })),
});

/**
 * The intervals that a line's readings were delivered in, in the order of epoch and of the seq they end with. Those of a day
 * and epoch whose readings are kept no more are one item, from the first to the last of them. An item stands for all of its
 * day and epoch from its first seq to its last one, also for what a former page said of it.
 */
export const deliveredIntervalPageSchema = z.object({
  items: z.array(
    z.object({
      epoch: epochSchema,
      from: seqSchema,
      to: seqSchema,
      /** Of all readings of the epoch before the first, and up to the last. */
      bytes_before: totalSchema,
      bytes_through: totalSchema,
      /** How many intervals these are, and what of the readings from the first to the last was delivered. */
      intervals: totalSchema,
      readings: totalSchema,
      bytes: totalSchema,
      day: daySchema,
    }),
  ),
  next_cursor: z.string().nullable(),
});
export type DeliveredIntervalPage = z.infer<typeof deliveredIntervalPageSchema>;
