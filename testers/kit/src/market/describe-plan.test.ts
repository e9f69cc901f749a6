import { describe, expect, it } from 'vitest';
import { conditionsInWords, priceInWords } from './describe-plan.ts';

const planOf = (terms: { kind: string } & Record<string, unknown>, max_silence_seconds: number | null = null) => ({
  terms,
  max_silence_seconds,
});
const currency = 'EUR';

describe('a plan in words', () => {
  it.each([
    [{ kind: 'free' }, 'Free'],
    [{ kind: 'per-reading', price: '0.0001', currency }, '0.0001 EUR per reading'],
    [{ kind: 'per-1000-readings', price: '0.25', currency }, '0.25 EUR per 1,000 readings'],
    [{ kind: 'per-megabyte', price: '1', currency }, '1.00 EUR per MB'],
    [{ kind: 'per-time', price: '2.50', per: 'day', currency }, '2.50 EUR per day'],
    [
      { kind: 'monthly', price: '5', quota_readings: 250_000, beyond_quota: 'stop', currency },
      '5.00 EUR a month for 250,000 readings, then it stops',
    ],
    [
      { kind: 'monthly', price: '5', quota_readings: 10, beyond_quota: { price_per_1000_readings: '0.1' }, currency },
      '5.00 EUR a month for 10 readings, then 0.10 EUR per 1,000',
    ],
    [{ kind: 'by-the-moon' }, 'A price this page cannot read'],
  ])('says what %j costs', (terms, words) => {
    expect(priceInWords(planOf(terms))).toBe(words);
  });

  it('says what else is promised, the trial first', () => {
    const terms = {
      kind: 'per-time',
      price: '1',
      per: 'hour',
      currency,
      trial: { minutes: 1 },
      maximum_monthly_charge: '20',
      minimum_notice_days: 14,
    };
    expect(conditionsInWords(planOf(terms, 60))).toEqual([
      'first 1 minute free',
      'at most 20.00 EUR a month',
      '14 days’ notice before it ends',
      'silence of more than 60 seconds is credited',
    ]);
    const counted = { kind: 'per-reading', price: '1', currency, trial: { readings: 500 } };
    expect(conditionsInWords(planOf(counted, 60))).toEqual(['first 500 readings free']);
    expect(conditionsInWords(planOf({ kind: 'free' }))).toEqual([]);
  });
});
