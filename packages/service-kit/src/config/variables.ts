import ms from 'ms';
import { z } from 'zod';
import { type Setting, variable } from './read-config.ts';

/** A port; 0 lets the system pick a free one. */
export function port(name: string, standard: number): Setting<number> {
  return integer(name, standard, { min: 0, max: 65_535 });
}

/** A whole number within bounds. */
export function integer(name: string, standard: number, bounds: { min: number; max: number }): Setting<number> {
  const expected = `expected a whole number from ${bounds.min} to ${bounds.max}`;
  const schema = z
    .string()
    .regex(/^-?\d{1,15}$/, expected)
    .transform(Number);
  return variable(name, schema.pipe(z.int().min(bounds.min, expected).max(bounds.max, expected)).default(standard));
}

/** `true`, `1`, `yes`, `on` and their opposites. */
export function boolean(name: string, standard: boolean): Setting<boolean> {
  return variable(name, z.stringbool({ error: 'expected true or false' }).default(standard));
}

/** A span of time with its unit, like `30s`, `1h` or `7d`; the value is in milliseconds. */
export function duration(
  name: string,
  standard: ms.StringValue,
  bounds: { min: ms.StringValue; max: ms.StringValue },
): Setting<number> {
  const expected = `expected a time with its unit from ${bounds.min} to ${bounds.max}, like 30s, 1h or 7d`;
  const schema = z.string().transform((text, context) => {
    const milliseconds = isDuration(text) ? ms(text) : Number.NaN;
    if (milliseconds >= ms(bounds.min) && milliseconds <= ms(bounds.max)) return milliseconds;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
  return variable(name, schema.default(ms(standard)));
}

/** Non-empty text; undefined if not set. */
export function optionalText(name: string): Setting<string | undefined> {
  return variable(name, z.string().optional());
}

export function text(name: string, standard: string): Setting<string> {
  return variable(name, z.string().default(standard));
}

/** One of `values`. */
export function oneOf<const Values extends readonly [string, ...string[]]>(
  name: string,
  values: Values,
  standard: Values[number],
): Setting<Values[number]> {
  return variable(name, z.enum(values, { error: `expected one of ${values.join(', ')}` }).default(standard));
}

/** An address with one of the given schemes (`['http', 'https']`); undefined if not set. */
export function optionalUrl(name: string, schemes: readonly string[]): Setting<string | undefined> {
  return variable(name, urlSchema(schemes).optional());
}

/** Items separated by commas, each checked by `item`. */
export function list<T>(name: string, standard: readonly T[], item: z.ZodType<T, string>): Setting<readonly T[]> {
  const items = z.string().transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );
  return variable<readonly T[]>(name, items.pipe(z.array(item)).default([...standard]));
}

function urlSchema(schemes: readonly string[]) {
  const expected = `expected an address that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  return z
    .string()
    .refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)), expected);
}

/** A subset of what `ms` reads: a bare number has no unit, so it is not one. */
function isDuration(text: string): text is ms.StringValue {
  return /^\d{1,9}(\.\d{1,3})? ?(ms|s|m|h|d|w)$/.test(text);
}
