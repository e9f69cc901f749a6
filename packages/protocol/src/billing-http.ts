import { z } from 'zod';
import { pageSchema } from './auth-http.ts';
import { idSchema } from './names.ts';

/** A currency's ISO 4217 code; the billing service says which ones it takes. */
export const currencyCodeSchema = z.string().regex(/^[A-Z]{3}$/, 'expected a currency such as EUR');

/** An amount as answers write it: a decimal text of units of the currency, with two to six decimals, never rounded. */
export const amountTextSchema = z.string().regex(/^-?(0|[1-9]\d*)\.\d{2,6}$/, 'expected an amount such as "12.50"');

export const walletSchema = z.object({
  account_id: idSchema,
  currency: currencyCodeSchema,
  /** What can be spent or held. */
  balance: amountTextSchema,
  /** What is set aside for open subscriptions; what is not used of it comes back. */
  held: amountTextSchema,
  /** What the account owes, because money was taken back that was spent; the next top-up pays it first. */
  owed: amountTextSchema,
});
/** What an account has in one currency. */
export type Wallet = z.infer<typeof walletSchema>;
export const walletListSchema = z.object({
  items: z.array(walletSchema),
  /** Through whom wallets are credited; `admin`: by hand only. */
  payment_provider: z.enum(['admin', 'stripe']),
});
export type WalletList = z.infer<typeof walletListSchema>;

export const walletLineSchema = z.object({
  /** Of the ledger's transaction. */
  id: idSchema,
  kind: z.string(),
  /** What it changed of balance, held and owed together. What is only set aside or given back changes nothing. */
  amount: amountTextSchema,
  subscription_id: idSchema.nullable(),
  at: z.iso.datetime(),
});
export type WalletLine = z.infer<typeof walletLineSchema>;
/** Newest first. */
export const walletLinePageSchema = pageSchema(walletLineSchema);

const keyExpected = 'expected 1 to 100 printable characters';
/** Names a request: who does not know whether it was carried out makes it again under the same key. */
export const requestKeySchema = z.string({ error: keyExpected }).regex(/^[!-~]{1,100}$/, keyExpected);

/** What an admin credits to a wallet. `currency` and `amount` are those of the package that knows money. */
export function newCreditSchema<Currency extends z.ZodType, Amount extends z.ZodType>(
  currency: Currency,
  amount: Amount,
) {
  return z.strictObject({ account_id: idSchema, currency, amount, key: requestKeySchema });
}

/** What a consumer wants to pay in. */
export function newTopUpSchema<Currency extends z.ZodType, Amount extends z.ZodType>(
  currency: Currency,
  amount: Amount,
) {
  return z.strictObject({ currency, amount, key: requestKeySchema.optional() });
}

export const topUpSchema = z.object({
  id: idSchema,
  account_id: idSchema,
  currency: currencyCodeSchema,
  amount: amountTextSchema,
  /** `admin`: credited by hand. */
  provider: z.enum(['admin', 'stripe']),
  /** `reversed`: credited by mistake, and taken back. */
  status: z.enum(['pending', 'paid', 'expired', 'reversed']),
  key: z.string(),
  created_at: z.iso.datetime(),
  paid_at: z.iso.datetime().nullable(),
});
/** Money put into a wallet, or about to be. */
export type TopUp = z.infer<typeof topUpSchema>;
export const topUpPageSchema = pageSchema(topUpSchema);
export const checkoutSchema = z.object({ top_up: topUpSchema, checkout_url: z.url() });

/** What a consumer wants to spend at most. Setting replaces all limits; an empty list lifts them. */
export function limitsSchema<Currency extends z.ZodType, Amount extends z.ZodType>(currency: Currency, amount: Amount) {
  const limit = z.strictObject({
    currency,
    /** Left out: all subscriptions together. */
    subscription_id: idSchema.optional(),
    /** A calendar day or month in UTC. */
    period: z.enum(['day', 'month'], { error: 'expected day or month' }),
    amount,
  });
  return z.strictObject({ limits: z.array(limit).max(200, 'expected at most 200 limits') });
}

export const shownLimitsSchema = z.object({
  limits: z.array(
    z.object({
      currency: currencyCodeSchema,
      subscription_id: idSchema.nullable(),
      period: z.enum(['day', 'month']),
      amount: amountTextSchema,
      /** What was charged in the current period. */
      spent: amountTextSchema,
    }),
  ),
});
export type ShownLimits = z.infer<typeof shownLimitsSchema>;
