import { planTermsSchema } from '@motience/ledger/pricing';
import { newPlanSchema } from '@motience/protocol';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { planBody } from './plan-body.ts';

const schema = newPlanSchema(planTermsSchema);
const bodyOf = (fields: Record<string, string>) => planBody((name) => ({ name: 'A plan', ...fields })[name] ?? '');
const euros = (price: string) => ({ 'terms.price': price, 'terms.currency': 'EUR' });

describe('what a plan form says', () => {
  it.each([
    [{ 'terms.kind': 'free' }, { kind: 'free' }],
    [
      { 'terms.kind': 'per-reading', ...euros('0.01'), 'terms.trial': '5', trial_of: 'readings' },
      { kind: 'per-reading', price: '0.01', currency: 'EUR', trial: { readings: 5 } },
    ],
    [
      { 'terms.kind': 'per-megabyte', ...euros('2'), 'terms.maximum_monthly_charge': '20' },
      { kind: 'per-megabyte', price: '2.00', currency: 'EUR', maximum_monthly_charge: '20.00' },
    ],
    [
      { 'terms.kind': 'per-time', ...euros('1'), 'terms.per': 'day', 'terms.minimum_notice_days': '30' },
      { kind: 'per-time', price: '1.00', currency: 'EUR', per: 'day', minimum_notice_days: 30 },
    ],
    [
      { 'terms.kind': 'monthly', ...euros('9'), 'terms.quota_readings': '1000' },
      { kind: 'monthly', price: '9.00', currency: 'EUR', quota_readings: 1000, beyond_quota: 'stop' },
    ],
    [
      { 'terms.kind': 'monthly', ...euros('9'), 'terms.quota_readings': '1000', 'terms.beyond_quota': '0.5' },
      {
        kind: 'monthly',
        price: '9.00',
        currency: 'EUR',
        quota_readings: 1000,
        beyond_quota: { price_per_1000_readings: '0.50' },
      },
    ],
  ])('is what the service takes: %j', (fields, terms) => {
    const { terms: read } = schema.parse(bodyOf(fields));
    expect(z.encode(planTermsSchema, read)).toEqual(terms);
  });

  it('promises a silence only where it is given', () => {
    expect(bodyOf({ 'terms.kind': 'free', max_silence_seconds: '60' })).toMatchObject({ max_silence_seconds: 60 });
    expect(bodyOf({ 'terms.kind': 'free' })).not.toHaveProperty('max_silence_seconds');
  });

  it('leaves mistakes to the service, which names the fields of the form', () => {
    const wrong = { ...euros('much'), 'terms.trial': 'x', trial_of: 'readings', 'terms.minimum_notice_days': 'soon' };
    const { error } = schema.safeParse(bodyOf({ 'terms.kind': 'per-reading', ...wrong }));
    const paths = error?.issues.map(({ path }) => path.join('.'));
    expect(paths).toEqual(['terms.price', 'terms.trial', 'terms.minimum_notice_days']);
  });
});
