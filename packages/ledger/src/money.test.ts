import { fieldErrors } from '@motience/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { amountSchema, currencySchema, formatAmount, maxMicros, micros, positiveAmountSchema } from './money.ts';

const priced = z.object({ price: amountSchema, currency: currencySchema });

function problemsWith(price: unknown, currency: unknown = 'EUR') {
  const result = priced.safeParse({ price, currency });
  return result.success ? result.data : fieldErrors(result.error);
}

describe('an amount at an edge', () => {
  it.each([
    ['12.50', 12_500_000n],
    ['0.000001', 1n],
    ['0', 0n],
    [7, 7_000_000n],
    ['9223372036854.775807', maxMicros],
  ])('reads %s exactly', (price, value) => {
    expect(amountSchema.parse(price)).toBe(value);
  });

  it.each([
    ['-1', 'expected an amount that is not negative'],
    [-1, 'expected an amount that is not negative'],
    ['0.0000001', 'expected at most 6 decimals'],
    ['9223372036854.775808', 'expected at most 9223372036854.775807'],
    [Number.MAX_SAFE_INTEGER, 'expected at most 9223372036854.775807'],
    [1.5, 'expected an amount as a decimal text such as "12.50", or as an integer'],
    [2 ** 60, 'expected an amount as a decimal text such as "12.50", or as an integer'],
    ['1e3', 'expected an amount as a decimal text such as "12.50", or as an integer'],
    ['1,50', 'expected an amount as a decimal text such as "12.50", or as an integer'],
    ['007', 'expected an amount as a decimal text such as "12.50", or as an integer'],
    ['', 'expected an amount as a decimal text such as "12.50", or as an integer'],
    ['1'.repeat(33), 'expected an amount as a decimal text such as "12.50", or as an integer'],
    [null, 'expected an amount as a decimal text such as "12.50", or as an integer'],
  ])('refuses %s, naming the field', (price, message) => {
    expect(problemsWith(price)).toEqual([{ path: 'price', message }]);
  });

  it('refuses an unknown currency, naming the field', () => {
    expect(problemsWith('1', 'XXX')).toEqual([{ path: 'currency', message: 'expected one of CHF, EUR, GBP, USD' }]);
  });

  it('can be asked to be more than nothing', () => {
    expect(positiveAmountSchema.safeParse('0').success).toBe(false);
    expect(positiveAmountSchema.parse('0.000001')).toBe(1n);
  });

  it('is the same after it was written and read again', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: maxMicros }), (value) => {
        expect(amountSchema.parse(z.encode(amountSchema, micros(value)))).toBe(value);
      }),
    );
  });
});

it.each([
  [12_500_000n, '12.50'],
  [-1n, '-0.000001'],
  [0n, '0.00'],
  [1_230_000n, '1.23'],
  [1_234_000n, '1.234'],
])('%s micro-units are written as %s', (value, text) => {
  expect(formatAmount(value)).toBe(text);
});

it.each([-1n, maxMicros + 1n])('%s is no amount', (value) => {
  expect(() => micros(value)).toThrow(RangeError);
});
