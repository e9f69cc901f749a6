import { z } from 'zod';

/** Role of an account. Nobody can register as admin. */
export const roleSchema = z.enum(['producer', 'consumer', 'admin']);
export type Role = z.infer<typeof roleSchema>;

const maxAccountId = 9_223_372_036_854_775_807n;

/** Id of an account or a subscription: a decimal string on output; a string or an integer on input. */
export const idSchema = z
  .union([z.string(), z.number()], { error: 'expected a decimal id, as a string or an integer' })
  .transform((value, context) => {
    const text = typeof value === 'number' && !Number.isSafeInteger(value) ? '' : String(value);
    if (/^[1-9]\d{0,18}$/.test(text) && BigInt(text) <= maxAccountId) return text;
    context.addIssue({ code: 'custom', message: 'expected a decimal id, as a string or an integer' });
    return z.NEVER;
  });

export const usernameSchema = z
  .string({ error: 'expected a string' })
  .regex(/^[A-Za-z0-9._\-@+]{3,64}$/, 'expected 3 to 64 of letters, digits and . _ - @ +');

export const deviceIdForm = /^[A-Za-z0-9._:-]{1,128}$/;
export const deviceIdSchema = z
  .string({ error: 'expected a string' })
  .regex(deviceIdForm, 'expected 1 to 128 of letters, digits and . _ : -');

/** Names one life of a stream's numbering. Opaque to everyone but the stream log. */
export const epochSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected an epoch as a stream reported it');

/** A whole number from 0 to `max`, by default the largest that JSON's readers agree on. */
export function countSchema(max: number = Number.MAX_SAFE_INTEGER) {
  const error = `expected a whole number from 0 to ${max}`;
  return z.int({ error }).min(0, error).max(max, error);
}

/** A reading's place in its stream: 1, 2, 3 …; 0 is before the first. */
export const seqSchema = countSchema();

/** A seq to go on after: there is always one more. */
export const afterSchema = countSchema(Number.MAX_SAFE_INTEGER - 1);
