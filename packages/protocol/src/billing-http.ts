import { z } from 'zod';
import { pageSchema } from './auth-http.ts';
import { idSchema } from './names.ts';

/** A currency's ISO 4217 code; the billing service says which ones it takes. */
export const currencyCodeSchema = z.string().regex(/^[A-Z]{3}$/, 'expected a currency such as EUR');

/** An amount as answers write it: a decimal text of units of the currency, with two to six decimals, never rounded. */
export const amountTextSchema = z.string().regex(/^-?(0|[1-9]\d*)\.\d{2,6}$/, 'expected an amount such as "12.50"');

/** An amount as requests write it: a decimal text with at most six decimals, or an integer, of units of the currency. */
export const amountInputSchema = z.union([z.string(), z.number()], {
  error: 'expected an amount as a decimal text such as "12.50", or as an integer',
});

export const walletSchema = z.object({
  account_id: idSchema,
  currency: currencyCodeSchema,
  /** What can be spent or held. */
  balance: amountTextSchema,
  /** What is set aside for open subscriptions; what is not used of it comes back. */
  held: amountTextSchema,
  /** What the account owes, because money was taken back or use was told too late; the next top-up pays it first. */
  owed: amountTextSchema,
});
/** What an account has in one currency. */
export type Wallet = z.infer<typeof walletSchema>;
export const walletListSchema = z.object({ items: z.array(walletSchema) });

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
