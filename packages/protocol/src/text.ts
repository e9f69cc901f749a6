import { z } from 'zod';

export const isWellFormed = (text: string) => text.isWellFormed();
export const wellFormedExpected = 'expected well-formed text: half of a surrogate pair is no character';

/** Control characters, line and paragraph separators, and what turns the direction of all that follows. */
export const hiddenControl = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;
export const hiddenControlUnwanted =
  'expected text without control characters, line separators and overrides of its direction';
/** Anything but white space, what takes no room, and the blank of Braille. */
const visible = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u;

/** Text that people read: one line of it, unless it may have several, with something to be seen. */
export function readableSchema(max: number, { lines = false } = {}) {
  const expected = `expected 1 to ${max} characters`;
  const inLine = (text: string) => (lines ? text.replaceAll(/[\n\r\t]/g, ' ') : text);
  return z
    .string({ error: 'expected a string' })
    .min(1, expected)
    .max(max, expected)
    .refine(isWellFormed, wellFormedExpected)
    .refine((text) => !hiddenControl.test(inLine(text)), hiddenControlUnwanted)
    .refine((text) => visible.test(text), 'expected at least one visible character');
}
