import type { ShownLimits } from '@motience/protocol';

/** What a consumer wants to spend at most, with what was spent of it. */
export type SpendingLimit = ShownLimits['limits'][number];

/** A limit as it is set; without a subscription it is for all of them together. */
export interface WantedLimit {
  currency: string;
  subscription_id?: string;
  period: 'day' | 'month';
  amount: string;
}

export function wantedOf({ currency, subscription_id: id, period, amount }: SpendingLimit): WantedLimit {
  return { currency, ...(id === null ? {} : { subscription_id: id }), period, amount };
}

/** There is one limit for a currency, a subscription and a period. */
export function isForTheSame(one: WantedLimit, other: WantedLimit): boolean {
  return (
    one.currency === other.currency && one.subscription_id === other.subscription_id && one.period === other.period
  );
}

/** `20.00 EUR a month`. */
export function limitInWords({
  amount,
  currency,
  period,
}: Pick<SpendingLimit, 'amount' | 'currency' | 'period'>): string {
  return `${amount} ${currency} a ${period}`;
}
