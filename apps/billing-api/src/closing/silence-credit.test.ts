import { micros, month, noUse, type PlanTerms } from '@motience/ledger/pricing';
import { describe, expect, it } from 'vitest';
import { silenceCredit } from './silence-credit.ts';

const perHour: PlanTerms = { kind: 'per-time', per: 'hour', price: micros(3_600_000n), currency: 'EUR' };
const monthly: PlanTerms = {
  kind: 'monthly',
  price: micros(30_000_000n),
  quota_readings: 100,
  beyond_quota: 'stop',
  currency: 'EUR',
};
const november = month('2026-11');
const soFar = { month: november, billable: noUse, charged: 0n, silentSeconds: 0n, credited: 0n };

describe('on a plan by time', () => {
  const after = (seconds: bigint, silentSeconds: bigint, credited = 0n, plan = perHour) =>
    silenceCredit(plan, { ...soFar, billable: { ...noUse, seconds }, silentSeconds, credited });

  it('gives back what the month costs more because of the silent seconds, once', () => {
    expect(after(7_200n, 600n)).toBe(600_000n);
    expect(after(7_200n, 600n, 600_000n)).toBe(0n);
    expect(after(9_000n, 700n, 600_000n)).toBe(100_000n);
    expect(after(600n, 600n)).toBe(600_000n);
  });

  it('gives nothing back where the maximum of the month is reached without the silence, and takes nothing back', () => {
    const capped = { ...perHour, maximum_monthly_charge: micros(1_000_000n) };
    expect(after(7_200n, 600n, 0n, capped)).toBe(0n);
    expect(after(1_100n, 600n, 0n, capped)).toBe(500_000n);
    expect(after(7_200n, 600n, 500_000n, capped)).toBe(0n);
  });
});

describe('on a monthly plan', () => {
  it('gives back the part of the price that the silent seconds are of the month, once the price was charged', () => {
    const day = 86_400n;
    expect(silenceCredit(monthly, { ...soFar, charged: 0n, silentSeconds: day })).toBe(0n);
    expect(silenceCredit(monthly, { ...soFar, charged: 30_000_000n, silentSeconds: day })).toBe(1_000_000n);
    const credited = 1_000_000n;
    expect(silenceCredit(monthly, { ...soFar, charged: 30_000_000n, silentSeconds: day * 3n, credited })).toBe(
      2_000_000n,
    );
    expect(silenceCredit(monthly, { ...soFar, charged: 30_000_000n, silentSeconds: day * 30n })).toBe(30_000_000n);
  });
});

it('gives nothing back on a plan that sells readings', () => {
  const plan: PlanTerms = { kind: 'per-reading', price: micros(1n), currency: 'EUR' };
  expect(silenceCredit(plan, { ...soFar, charged: 5n, silentSeconds: 1_000n })).toBe(0n);
});
