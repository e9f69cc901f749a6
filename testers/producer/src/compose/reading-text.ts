import { type ParsedReading, parseReadings } from '@motience/protocol';
import { findJsonMistake, placeInText } from './json-mistake.ts';

/** What the editor holds: readings that may be sent, or what is wrong with them. */
export type Checked =
  | { ok: true; readings: readonly ParsedReading[]; bytes: number }
  | { ok: false; problems: readonly string[] };

const shownProblems = 5;

/** Checks a text as the gateway will, so that page and gateway never disagree. */
export function checkText(text: string): Checked {
  if (text.trim() === '') return { ok: false, problems: ['expected a reading, or an array of readings'] };
  const mistake = findJsonMistake(text);
  if (mistake !== undefined) {
    return { ok: false, problems: [`expected JSON; the mistake is at ${placeInText(text, mistake)}`] };
  }
  const parsed = parseReadings(text);
  if (parsed.length === 0) return { ok: false, problems: ['an empty array sends nothing'] };
  const readings: ParsedReading[] = [];
  const problems: string[] = [];
  parsed.forEach((reading, index) => {
    if ('refused' in reading)
      problems.push(parsed.length > 1 ? `reading ${index + 1}: ${reading.detail}` : reading.detail);
    else readings.push(reading);
  });
  if (problems.length === 0) return { ok: true, readings, bytes: new TextEncoder().encode(text).length };
  const hidden = problems.length - shownProblems;
  return { ok: false, problems: hidden > 0 ? [...problems.slice(0, shownProblems), `and ${hidden} more`] : problems };
}

/** A reading's text; `data` is byte for byte as it was written. */
function composeReading({ deviceId, timestamp, dataText, sequence }: ParsedReading): string {
  const rest = sequence === undefined ? '' : `,"sequence":${sequence}`;
  return `{"device_id":"${deviceId}","timestamp":"${timestamp}","data":${dataText}${rest}}`;
}

export interface Variation {
  /** Gives each reading the time at which it is sent. */
  stampNow: boolean;
  /** Moves every number in `data` by up to 5 %, so that a chart of them shows something. */
  varyNumbers: boolean;
}

/** The readings as they are to be sent now. `random` gives 0 to 1. */
export function prepareReadings(
  readings: readonly ParsedReading[],
  { stampNow, varyNumbers }: Variation,
  now: Date,
  random: () => number,
): string[] {
  return readings.map((reading) =>
    composeReading({
      ...reading,
      timestamp: stampNow ? now.toISOString() : reading.timestamp,
      dataText: varyNumbers ? vary(reading.dataText, random) : reading.dataText,
    }),
  );
}

/** Numbers keep as many decimals as they were written with, and one more where they had none or one. */
function vary(dataText: string, random: () => number): string {
  return JSON.stringify(JSON.parse(dataText), (_key, value: unknown) => {
    if (typeof value !== 'number') return value;
    const decimals = String(value).split('.')[1]?.length ?? 0;
    return Number((value * (0.95 + random() / 10)).toFixed(Math.min(Math.max(decimals, 2), 10)));
  });
}

/** The editor's text with another device in every reading; unchanged if it is no JSON. */
export function replaceDevice(text: string, deviceId: string): string {
  return rewrite(text, (reading) => ({ ...reading, device_id: deviceId }));
}

/** The editor's text with the time of each reading set to `now`. */
export function replaceTimestamp(text: string, now: Date): string {
  return rewrite(text, (reading) => ({ ...reading, timestamp: now.toISOString() }));
}

/** The editor's text, indented. Unchanged if it is no JSON, or if that would change a number. */
export function tidy(text: string): string {
  return rewrite(text, (reading) => reading);
}

type Item = Record<string, unknown>;

function rewrite(text: string, change: (reading: Item) => Item): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const each = (item: unknown) => (isItem(item) ? change(item) : item);
  const written = JSON.stringify(Array.isArray(value) ? value.map(each) : each(value), null, 2);
  return numbersOf(text).every((number) => written.includes(number)) ? written : text;
}

const isItem = (value: unknown): value is Item => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Numbers as they are written, to notice those a rewrite would change, such as 1e400 or 2^53 + 1. */
function numbersOf(text: string): string[] {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d[\d.eE+-]*/g) ?? [];
}

/** What the editor starts with. */
export function exampleReading(deviceId: string, now: Date): string {
  const reading = {
    device_id: deviceId,
    timestamp: now.toISOString(),
    data: { temperature: 24.3, humidity: 51, pressure: 1013.25 },
  };
  return JSON.stringify(reading, null, 2);
}
