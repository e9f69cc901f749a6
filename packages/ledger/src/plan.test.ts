import { fieldErrors } from '@motience/protocol';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { planTermsSchema } from './plan.ts';

const monthly = {
  kind: 'monthly',
  currency: 'EUR',
  price: '5.00',
  quota_readings: 100,
  beyond_quota: { price_per_1000_readings: '0.25' },
  trial: { minutes: 30 },
  maximum_monthly_charge: '9.99',
  minimum_notice_days: 30,
};

function problems(plan: object): string[] {
  const result = planTermsSchema.safeParse(plan);
  return result.success ? [] : fieldErrors(result.error).map(({ path, message }) => `${path}: ${message}`);
}

describe('the terms of a plan', () => {
  it('are the same after they were read and written again', () => {
    expect(z.encode(planTermsSchema, planTermsSchema.parse(monthly))).toEqual(monthly);
  });

  it.each([
    [{ ...monthly, kind: 'per-mood' }, 'kind: expected kind to be one of free, per-reading'],
    [{ ...monthly, price: '-5' }, 'price: expected an amount that is not negative'],
    [{ ...monthly, currency: 'XXX' }, 'currency: expected one of'],
    [{ ...monthly, quota_readings: 0 }, 'quota_readings: expected at least 1'],
    [{ ...monthly, beyond_quota: 'go on' }, 'beyond_quota: expected "stop" or'],
    [{ ...monthly, trial: { readings: 1, minutes: 1 } }, 'trial: expected {"readings": N} or {"minutes": T}'],
    [{ ...monthly, trial: { minutes: 1.5 } }, 'trial: expected {"readings": N} or {"minutes": T}'],
    [{ ...monthly, maximum_monthly_charge: 0 }, 'maximum_monthly_charge: expected an amount above 0'],
    [{ kind: 'per-time', currency: 'EUR', price: '1', per: 'week' }, 'per: expected hour, day or month'],
    [{ kind: 'per-reading', currency: 'EUR', price: '0' }, 'price: expected an amount above 0'],
    [{ kind: 'free', price: '1' }, 'price: is not a known field'],
  ])('refuses %o', (plan, problem) => {
    expect(problems(plan)).toHaveLength(1);
    expect(problems(plan)[0]).toContain(problem);
  });
});
