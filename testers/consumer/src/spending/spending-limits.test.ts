import { expect, it } from 'vitest';
import { isForTheSame, limitInWords, wantedOf } from './spending-limits.ts';

const limit = { currency: 'EUR', subscription_id: null, period: 'day', amount: '2.00', spent: '0.10' } as const;

it('sets again what is shown, without what was spent', () => {
  expect(wantedOf(limit)).toEqual({ currency: 'EUR', period: 'day', amount: '2.00' });
  expect(wantedOf({ ...limit, subscription_id: '7' })).toEqual({
    ...{ currency: 'EUR', subscription_id: '7', period: 'day', amount: '2.00' },
  });
});

it('takes for the same what differs only in the amount', () => {
  const wanted = wantedOf(limit);
  expect(isForTheSame(wanted, { ...wanted, amount: '3.00' })).toBe(true);
  for (const change of [{ currency: 'CHF' }, { subscription_id: '7' }, { period: 'month' as const }]) {
    expect(isForTheSame(wanted, { ...wanted, ...change })).toBe(false);
  }
});

it('says a limit in words', () => {
  expect(limitInWords(limit)).toBe('2.00 EUR a day');
});
