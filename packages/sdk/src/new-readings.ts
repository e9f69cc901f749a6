import { defaultLimits, parseReadings, type Reading, Refusal } from '@motience/protocol';
import type { NewReading } from './reading-queue.ts';

/** Room that a sequence given by the queue takes in a reading's text. */
const sequenceBytes = 32;
/** The most bytes of a reading that the client numbers: the sequence it adds counts towards the gateway's limit. */
export const numberedReadingBytes = defaultLimits.readingBytes - sequenceBytes;

/**
 * Checks a reading, an object or its JSON text, as the gateway will, so that what can never be accepted fails here.
 * `number` says that the queue will add a sequence. Throws `invalid-request` or `too-large`.
 */
export function newReading(reading: Reading | string, { number }: { number: boolean }): NewReading {
  const text = typeof reading === 'string' ? reading : JSON.stringify(reading);
  // In UTF-8 it would become another character.
  if (!text.isWellFormed()) throw new Refusal('invalid-request', 'half of a surrogate pair is no character');
  if (text.trimStart().startsWith('[')) throw new Refusal('invalid-request', 'expected one reading, got an array');
  const readingBytes = number ? numberedReadingBytes : defaultLimits.readingBytes;
  const [parsed] = parseReadings(text, { ...defaultLimits, readingBytes });
  if (!parsed) throw new Refusal('invalid-request', 'expected a reading');
  if ('refused' in parsed) throw new Refusal(parsed.refused, parsed.detail);
  return parsed;
}
