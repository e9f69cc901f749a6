import { defaultLimits, parseReadings } from '@motience/protocol';
import { numberedReadingBytes, type Origin } from '@motience/sdk';

/**
 * What a source gives: a reading's JSON text, with its origin if the source can be continued after it, or what is wrong
 * with a piece of input that is skipped.
 */
export type SourceItem = { text: string; origin?: Origin } | { mistake: string; line: number };

/** A source of readings. Ends early, without an error, when its signal aborts. */
export type Source = AsyncIterable<SourceItem>;

/** A reading's JSON text; `dataText` goes in byte for byte. */
export function readingText(deviceId: string, timestamp: string, dataText: string): string {
  return `{"device_id":${JSON.stringify(deviceId)},"timestamp":${JSON.stringify(timestamp)},"data":${dataText}}`;
}

/** The text if the client will take it as a reading, and otherwise what is wrong with it. */
export function checkReading(text: string): { text: string } | { mistake: string } {
  const [reading] = parseReadings(text, { ...defaultLimits, readingBytes: numberedReadingBytes });
  if (!reading) return { mistake: 'expected a reading' };
  return 'refused' in reading ? { mistake: reading.detail } : { text };
}
