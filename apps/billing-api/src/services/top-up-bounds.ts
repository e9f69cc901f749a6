import { formatAmount, microsPerUnit, positiveAmountSchema } from '@motience/ledger/pricing';

/** The largest amount put into a wallet at once: what Stripe takes at most. */
export const mostAtOnce = 999_999_990_000n;
/** The smallest that Stripe takes. */
export const leastPaid = microsPerUnit / 2n;

/** An amount that is credited by hand. */
export const creditAmountSchema = positiveAmountSchema.refine(
  (amount) => amount <= mostAtOnce,
  `expected at most ${formatAmount(mostAtOnce)}`,
);
