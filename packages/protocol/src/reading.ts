import { z } from 'zod';
import { describeFieldErrors, fieldErrors } from './errors.ts';
import { defaultLimits } from './limits.ts';
import { countSchema, deviceIdForm, deviceIdSchema, idSchema, seqSchema } from './names.ts';
import { parsePlainReading, plainDepth } from './plain-reading.ts';
import { findForbiddenEscape, scanArray, scanObject, skipSpace } from './scan-json.ts';
import { isRfc3339 } from './timestamp.ts';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A reading as a device sends it. */
export const readingSchema = z.strictObject({
  device_id: deviceIdSchema,
  timestamp: z.string({ error: 'expected a string' }).refine(isRfc3339, 'expected an RFC 3339 date and time'),
  data: z.custom<Record<string, unknown>>(isObject, 'expected an object'),
  sequence: countSchema().optional(),
});
/** A reading as a device sends it. */
export type Reading = z.infer<typeof readingSchema>;

/** Whether `readingSchema` takes an object without other members, several times faster: every reading is asked for it. */
export function isReading(value: Record<string, unknown>): value is Reading {
  const { device_id: deviceId, timestamp, data, sequence } = value;
  return (
    typeof deviceId === 'string' &&
    deviceIdForm.test(deviceId) &&
    typeof timestamp === 'string' &&
    isRfc3339(timestamp) &&
    isObject(data) &&
    (sequence === undefined || (Number.isSafeInteger(sequence) && Number(sequence) >= 0))
  );
}

/** A reading as a consumer receives it. */
export const deliveredReadingSchema = z.object({
  producer_id: idSchema,
  device_id: deviceIdSchema,
  timestamp: z.string(),
  data: z.custom<Record<string, unknown>>(isObject, 'expected an object'),
  sequence: seqSchema.optional(),
  seq: seqSchema,
});
/** A reading as a consumer receives it. */
export type DeliveredReading = z.infer<typeof deliveredReadingSchema>;

export interface ReadingLimits {
  readingBytes: number;
  dataDepth: number;
  readingsPerFrame: number;
}

/** A reading that passed every check; `dataText` is the text of its `data`, byte for byte as sent. */
export interface ParsedReading {
  deviceId: string;
  timestamp: string;
  sequence: number | undefined;
  dataText: string;
}

/** Why a reading is refused for good. */
export interface RefusedReading {
  refused: 'invalid-request' | 'too-large';
  detail: string;
}

const readingFields = new Set(Object.keys(readingSchema.shape));

/**
 * Takes a frame of a device's socket apart: a reading, or an array of up to 500. Each reading comes back parsed or
 * refused, in the order sent. A frame that is no JSON, or an array that is too long, counts as one refused reading;
 * an empty array as none.
 */
export function parseReadings(text: string, limits: ReadingLimits = defaultLimits): (ParsedReading | RefusedReading)[] {
  if (mostBytes(text.length) <= limits.readingBytes && limits.dataDepth >= plainDepth) {
    const plain = parsePlainReading(text);
    if (plain) return [plain];
  }
  return parseAnyReadings(text, limits);
}

/** The same for frames of any form. */
function parseAnyReadings(text: string, limits: ReadingLimits): (ParsedReading | RefusedReading)[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [invalid('expected JSON: a reading, or an array of readings')];
  }
  const start = skipSpace(text, 0);
  if (!Array.isArray(value)) return [parseReading(value, text, start, text.trimEnd().length, limits)];
  if (value.length > limits.readingsPerFrame) {
    return [invalid(`expected at most ${limits.readingsPerFrame} readings in a frame, got ${value.length}`)];
  }
  return scanArray(text, start).map((at, index) => parseReading(value[index], text, at.start, at.end, limits));
}

function parseReading(
  value: unknown,
  text: string,
  start: number,
  end: number,
  limits: ReadingLimits,
): ParsedReading | RefusedReading {
  if (!isObject(value)) return invalid('expected a reading: an object with device_id, timestamp and data');
  if (isLongerThan(text, start, end, limits.readingBytes)) {
    return { refused: 'too-large', detail: `a reading may have at most ${limits.readingBytes} bytes` };
  }
  const members = scanObject(text, start);
  const seen = new Set<string>();
  for (const { key } of members) {
    if (!readingFields.has(key)) return invalid(`${JSON.stringify(key)} is not a field of a reading`);
    if (seen.has(key)) return invalid(`${key}: appears twice`);
    seen.add(key);
  }
  const forbidden = findForbiddenEscape(text.slice(start, end));
  if (forbidden) return invalid(`${forbidden} is not allowed anywhere in a reading`);
  if (!isReading(value)) return invalid(whatIsWrongWith(value));
  const data = members.find(({ key }) => key === 'data');
  if (!data) return invalid('data: expected an object');
  if (data.depth > limits.dataDepth) return invalid(`data: nested deeper than ${limits.dataDepth}`);
  return {
    deviceId: value.device_id,
    timestamp: value.timestamp,
    sequence: value.sequence,
    dataText: text.slice(data.start, data.end),
  };
}

/**
 * The text of a reading as consumers receive it and history keeps it, up to where its `seq` goes: everything but the
 * closing `,"seq":N}`. The names inside need no escaping: their schemas allow no quote and no backslash.
 */
export function readingBody(producerId: string, reading: ParsedReading): string {
  const sequence = reading.sequence === undefined ? '' : `,"sequence":${reading.sequence}`;
  return `{"producer_id":"${producerId}","device_id":"${reading.deviceId}","timestamp":"${reading.timestamp}","data":${reading.dataText}${sequence}`;
}

/** Where the text of the timestamp begins in a reading's body, in bytes. */
export function timestampStart(producerId: string, deviceIdLength: number): number {
  return '{"producer_id":"","device_id":"","timestamp":"'.length + producerId.length + deviceIdLength;
}

const dataMark = ',"data":';

/**
 * A reading's body with only these members of its `data`, their values byte for byte; undefined if it has none of them.
 */
export function narrowBody(body: string, fields: ReadonlySet<string>): string | undefined {
  // No name before it can hold a quote.
  const start = body.indexOf(dataMark) + dataMark.length;
  const members = scanObject(body, start);
  const kept = members.filter(({ key }) => fields.has(key));
  if (kept.length === 0) return undefined;
  const end = skipSpace(body, members.at(-1)?.end ?? start) + 1;
  const texts = kept.map((member) => `${JSON.stringify(member.key)}:${body.slice(member.start, member.end)}`);
  return `${body.slice(0, start)}{${texts.join(',')}}${body.slice(end)}`;
}

/** What closes a reading's body once its place in the stream is known. */
export function readingTail(seq: number): string {
  return `,"seq":${seq}}`;
}

function whatIsWrongWith(value: unknown): string {
  const { error } = readingSchema.safeParse(value);
  return error ? describeFieldErrors(fieldErrors(error)) : 'expected a reading';
}

function invalid(detail: string): RefusedReading {
  return { refused: 'invalid-request', detail };
}

/** Bytes that a text of so many UTF-16 units has at most in UTF-8. */
function mostBytes(length: number): number {
  return length * 3;
}

function isLongerThan(text: string, start: number, end: number, bytes: number): boolean {
  if (mostBytes(end - start) <= bytes) return false;
  return new TextEncoder().encode(text.slice(start, end)).length > bytes;
}
