import { isRfc3339 } from './timestamp.ts';

/** What a plain reading says; see `ParsedReading`. */
interface PlainReading {
  deviceId: string;
  timestamp: string;
  sequence: number | undefined;
  dataText: string;
}

/** How deep `data` goes at most in a plain reading, itself included. */
export const plainDepth = 3;

const textForm = '"[^"\\\\\\u0000-\\u001f]*"';
const numberForm = '-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?';
const valueForm = `(?:${textForm}|${numberForm}|true|false|null)`;
const arrayOf = (value: string) => `\\[(?:${value}(?:, ?${value})*)?\\]`;
const objectOf = (value: string) => {
  const member = `${textForm}: ?${value}`;
  return `\\{(?:${member}(?:, ?${member})*)?\\}`;
};
const oneDeeper = (value: string) => `(?:${valueForm}|${arrayOf(value)}|${objectOf(value)})`;
const dateForm = '[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])';
const timeForm = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,64})?';
const zoneForm = '(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])';

/**
 * A reading as nearly all devices write it: the fields in the order of the documentation, no escapes, at most one space
 * after a colon or a comma, `data` not nested deeply. Each choice in it is decided by one character, so its time grows
 * with the text and no faster.
 */
const plainForm = new RegExp(
  `^\\{"device_id": ?"([A-Za-z0-9._:-]{1,128})", ?"timestamp": ?"(${dateForm}T${timeForm}${zoneForm})", ?` +
    `"data": ?(${objectOf(oneDeeper(oneDeeper(valueForm)))})(?:, ?"sequence": ?(0|[1-9][0-9]{0,14}))?\\}$`,
);

/**
 * A reading in its plain form, without parsing it; undefined for whatever has another one, good or bad. Several times
 * faster than taking it apart in general, with the very same outcome.
 */
export function parsePlainReading(text: string): PlainReading | undefined {
  const [, deviceId, timestamp, dataText, sequence] = plainForm.exec(text) ?? [];
  if (deviceId === undefined || timestamp === undefined || dataText === undefined) return undefined;
  // Not every month has more days.
  if (timestamp.slice(8, 10) > '28' && !isRfc3339(timestamp)) return undefined;
  return { deviceId, timestamp, sequence: sequence === undefined ? undefined : Number(sequence), dataText };
}
