import { formatAmount, type PlanTerms, planTermsSchema } from '@motience/ledger/pricing';
import type { Plan } from '@motience/protocol';
import { plural } from '../figures/format.ts';

const whole = new Intl.NumberFormat('en');

/** What a plan costs, for people; undefined if this page does not know its kind. */
export function termsOf({ terms }: Pick<Plan, 'terms'>): PlanTerms | undefined {
  const { data } = planTermsSchema.safeParse(terms);
  return data;
}

/** The price in a few words, such as `0.25 EUR per 1,000 readings`. */
export function priceInWords(plan: Pick<Plan, 'terms'>): string {
  const terms = termsOf(plan);
  if (!terms) return 'A price this page cannot read';
  if (terms.kind === 'free') return 'Free';
  const money = (amount: bigint) => `${formatAmount(amount)} ${terms.currency}`;
  const price = money(terms.price);
  switch (terms.kind) {
    case 'per-reading':
      return `${price} per reading`;
    case 'per-1000-readings':
      return `${price} per 1,000 readings`;
    case 'per-megabyte':
      return `${price} per MB`;
    case 'per-time':
      return `${price} per ${terms.per}`;
    case 'monthly': {
      const quota = `${price} a month for ${whole.format(terms.quota_readings)} readings`;
      if (terms.beyond_quota === 'stop') return `${quota}, then it stops`;
      return `${quota}, then ${money(terms.beyond_quota.price_per_1000_readings)} per 1,000`;
    }
  }
}

/** What else a plan promises: its trial first. */
export function conditionsInWords(plan: Pick<Plan, 'terms' | 'max_silence_seconds'>): string[] {
  const terms = termsOf(plan);
  if (!terms) return [];
  const words: string[] = [];
  if (terms.kind !== 'free') {
    const { trial, maximum_monthly_charge: most, currency } = terms;
    if (trial && 'readings' in trial) words.push(`first ${plural(trial.readings, 'reading')} free`);
    if (trial && 'minutes' in trial) words.push(`first ${plural(trial.minutes, 'minute')} free`);
    if (most !== undefined) words.push(`at most ${formatAmount(most)} ${currency} a month`);
  }
  if (terms.minimum_notice_days !== undefined) {
    words.push(`${plural(terms.minimum_notice_days, 'day')}’ notice before it ends`);
  }
  if (terms.kind === 'per-time' && plan.max_silence_seconds !== null) {
    words.push(`silence of more than ${plural(plan.max_silence_seconds, 'second')} is credited`);
  }
  return words;
}

/** Whether it never costs anything; an unknown plan may. */
export function isFree(plan: Pick<Plan, 'terms'>): boolean {
  return plan.terms.kind === 'free';
}
