import { describe, expect, it } from 'vitest';
import { chargeOfIncrement, monthlyCharge, readingsUntilStop } from './charge.ts';
import { maxMicros } from './money.ts';
import { month } from './month.ts';
import { planTermsSchema } from './plan.ts';
import { noUse } from './use.ts';

const november = month('2026-11');
const readings = (count: bigint) => ({ ...noUse, readings: count });
const terms = (plan: object) => planTermsSchema.parse({ currency: 'EUR', ...plan });

describe('what a month costs', () => {
  it.each([
    [{ kind: 'per-reading', price: '0.0001' }, { readings: 12_345n }, 1_234_500n],
    [{ kind: 'per-1000-readings', price: '0.01' }, { readings: 1_999n }, 19_990n],
    [{ kind: 'per-1000-readings', price: '0.000001' }, { readings: 1_999n }, 1n],
    [{ kind: 'per-megabyte', price: '1' }, { bytes: 1_500_000n }, 1_500_000n],
    [{ kind: 'per-megabyte', price: '0.000001' }, { bytes: 999_999n }, 0n],
    [{ kind: 'per-time', price: '3.6', per: 'hour' }, { seconds: 1n }, 1_000n],
    [{ kind: 'per-time', price: '1', per: 'day' }, { seconds: 86_400n }, 1_000_000n],
    [{ kind: 'per-time', price: '1', per: 'month' }, { seconds: 30n * 86_400n }, 1_000_000n],
    [{ kind: 'monthly', price: '5', quota_readings: 10, beyond_quota: 'stop' }, { readings: 0n, seconds: 9n }, 0n],
    [{ kind: 'monthly', price: '5', quota_readings: 10, beyond_quota: 'stop' }, { readings: 1n }, 5_000_000n],
    [
      { kind: 'monthly', price: '5', quota_readings: 10, beyond_quota: { price_per_1000_readings: '1' } },
      { readings: 11n },
      5_001_000n,
    ],
    [{ kind: 'per-reading', price: '1', maximum_monthly_charge: '3' }, { readings: 7n }, 3_000_000n],
    [{ kind: 'per-reading', price: '9000000000000' }, { readings: 7n }, maxMicros],
  ])('%o with %o', (plan, use, charge) => {
    expect(monthlyCharge(terms(plan), november, { ...noUse, ...use })).toBe(charge);
  });

  it('is nothing on a free plan', () => {
    expect(monthlyCharge(planTermsSchema.parse({ kind: 'free' }), november, readings(9n))).toBe(0n);
  });

  it('depends on how long the month is only where the price is per month', () => {
    const plan = terms({ kind: 'per-time', price: '28', per: 'month' });
    const day = { ...noUse, seconds: 86_400n };
    expect(monthlyCharge(plan, month('2027-02'), day)).toBe(1_000_000n);
    expect(monthlyCharge(plan, month('2028-02'), day)).toBe(965_517n);
  });
});

it('use that shrank is no increment', () => {
  const plan = terms({ kind: 'per-reading', price: '1' });
  expect(() => chargeOfIncrement(plan, november, readings(2n), readings(1n))).toThrow(RangeError);
});

it('a plan that stops at its quota says how many readings are left of it', () => {
  const plan = terms({ kind: 'monthly', price: '5', quota_readings: 10, beyond_quota: 'stop' });
  expect([0n, 9n, 10n, 12n].map((count) => readingsUntilStop(plan, readings(count)))).toEqual([10n, 1n, 0n, 0n]);
  expect(readingsUntilStop(terms({ kind: 'per-reading', price: '1' }), noUse)).toBeUndefined();
});
