import { formatAmount, type PlanTerms } from '@motience/ledger/pricing';

/** What one unit costs, in words: `0.001 EUR per reading`. */
export function unitPrice(plan: PlanTerms): string {
  if (plan.kind === 'free') return 'free';
  const price = `${formatAmount(plan.price)} ${plan.currency}`;
  switch (plan.kind) {
    case 'per-reading':
      return `${price} per reading`;
    case 'per-1000-readings':
      return `${price} per 1,000 readings`;
    case 'per-megabyte':
      return `${price} per megabyte`;
    case 'per-time':
      return `${price} per ${plan.per}, by the second`;
    case 'monthly':
      return `${price} per month`;
  }
}

/** A plan's terms in words, for statements. */
export function planInWords(plan: PlanTerms): string {
  if (plan.kind === 'free') return 'free';
  const words = [unitPrice(plan)];
  if (plan.kind === 'monthly') {
    const beyond =
      plan.beyond_quota === 'stop'
        ? 'then none until the next month'
        : `then ${formatAmount(plan.beyond_quota.price_per_1000_readings)} ${plan.currency} per 1,000 readings`;
    words.push(`with ${plan.quota_readings} readings, ${beyond}`);
  }
  if (plan.trial) {
    words.push(
      'readings' in plan.trial
        ? `the first ${plan.trial.readings} readings free`
        : `the first ${plan.trial.minutes} minutes free`,
    );
  }
  if (plan.maximum_monthly_charge !== undefined) {
    words.push(`at most ${formatAmount(plan.maximum_monthly_charge)} ${plan.currency} a month`);
  }
  return words.join('; ');
}
