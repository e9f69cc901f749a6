import { z } from 'zod';

/** ISO 4217 codes of the currencies that can be paid in. Each has two decimals where payment providers count in cents. */
export const currencies = ['CHF', 'EUR', 'GBP', 'USD'] as const;
export const currencySchema = z.enum(currencies, { error: `expected one of ${currencies.join(', ')}` });
export type Currency = z.infer<typeof currencySchema>;

/** An amount of money: millionths of one unit of its currency, from 0 to what a PostgreSQL bigint holds. */
export type Micros = bigint & z.$brand<'Micros'>;

export const microsPerUnit = 1_000_000n;
/** Largest amount: 9,223,372,036,854.775807. */
export const maxMicros = 9_223_372_036_854_775_807n;
const decimals = 6;

function isMicros(value: bigint): value is Micros {
  return value >= 0n && value <= maxMicros;
}

/** Throws a RangeError if the number is no amount: negative, or more than a bigint of PostgreSQL holds. */
export function micros(value: bigint): Micros {
  if (!isMicros(value)) throw new RangeError(`${value} is not an amount from 0 to ${maxMicros} micro-units`);
  return value;
}

/** Micro-units as a decimal number of units, with at least two decimals and never rounded: `12.50`, `-0.000001`. */
export function formatAmount(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, '0');
  const fraction = digits.slice(-decimals).replace(/0{1,4}$/, '');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -decimals)}.${fraction}`;
}

const expected = 'expected an amount as a decimal text such as "12.50", or as an integer';
/** No amount is longer than this; whatever is, is not looked at. */
const maxLength = 32;

function readAmount(text: string): Micros | { problem: string } {
  const match = text.length <= maxLength ? /^(-?)(0|[1-9]\d*)(?:\.(\d+))?$/.exec(text) : null;
  if (!match) return { problem: expected };
  const [, sign, units = '', fraction = ''] = match;
  if (sign) return { problem: 'expected an amount that is not negative' };
  if (fraction.length > decimals) return { problem: `expected at most ${decimals} decimals` };
  const value = BigInt(units + fraction.padEnd(decimals, '0'));
  return isMicros(value) ? value : { problem: `expected at most ${formatAmount(maxMicros)}` };
}

/**
 * An amount at an edge: a decimal text, or an integer, of units of the currency; `z.encode` makes the text of it again.
 * Refused: what is negative, has more than six decimals, or is too large; and numbers with a fraction, which are not exact.
 */
export const amountSchema = z.codec(
  z.union([z.string(), z.int({ error: expected })], { error: expected }),
  z.custom<Micros>((value) => typeof value === 'bigint' && isMicros(value)),
  {
    decode: (value, context) => {
      const amount = readAmount(String(value));
      if (typeof amount === 'bigint') return amount;
      context.issues.push({ code: 'custom', message: amount.problem, input: value });
      return z.NEVER;
    },
    encode: (value) => formatAmount(value),
  },
);

/** An amount that is not nothing. */
export const positiveAmountSchema = amountSchema.refine((value) => value > 0n, 'expected an amount above 0');
