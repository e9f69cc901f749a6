import { z } from 'zod';
import type { Operation } from './queue-store.ts';

/** A reading's record: device, timestamp, number, whether the queue gave it, data. */
const recordSchema = z.tuple([z.string(), z.string(), z.int().nullable(), z.boolean(), z.string()]);
export type ReadingRecord = z.infer<typeof recordSchema>;

/** `ordinal` counts what the queue has numbered; a number is its ordinal plus `shift`. */
const countSchema = z.object({ ordinal: z.int(), shift: z.int(), confirmed: z.boolean() });
export type Count = z.infer<typeof countSchema>;

export const ownerKey = 'owner';
export const lastIdKey = 'last-id';
/** Holds the boot of the machine in which the queue was opened, until it is closed. */
export const openedInKey = 'opened-in';

const countPrefix = 'count:';
const readingPrefix = 'reading:';
const positionPrefix = 'position:';

/** `;` is the character after `:`, so that it ends the range of a prefix. */
export const allCounts = { gt: countPrefix, lt: 'count;' };
export const allPositions = { gt: positionPrefix, lt: 'position;' };

/** Readings with ids above `afterId` and below `beforeId`. */
export function readingsBetween(afterId: number, beforeId?: number) {
  return { gt: readingKey(afterId), lt: beforeId === undefined ? 'reading;' : readingKey(beforeId) };
}

/** Fixed width, so that the order of keys is the order of ids. */
export function readingKey(id: number): string {
  return `${readingPrefix}${String(id).padStart(16, '0')}`;
}

export function idIn(key: string): number {
  return Number(key.slice(readingPrefix.length));
}

/** The record, or undefined if the disk has garbled it. */
export function parseRecord(value: string): ReadingRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(value));
  } catch {
    return undefined;
  }
}

export function deviceIn(key: string): string {
  return key.slice(countPrefix.length);
}

/** The count, or undefined if the disk has garbled it. */
export function parseCount(value: string): Count | undefined {
  try {
    return countSchema.parse(JSON.parse(value));
  } catch {
    return undefined;
  }
}

export function sourceIn(key: string): string {
  return key.slice(positionPrefix.length);
}

export function putReading(id: number, record: ReadingRecord): Operation {
  return { type: 'put', key: readingKey(id), value: JSON.stringify(record) };
}

export function putCount(deviceId: string, count: Count): Operation {
  return { type: 'put', key: `${countPrefix}${deviceId}`, value: JSON.stringify(count) };
}

export function putPosition(source: string, position: string): Operation {
  return { type: 'put', key: positionKey(source), value: position };
}

export function positionKey(source: string): string {
  return `${positionPrefix}${source}`;
}

export function putLastId(id: number): Operation {
  return { type: 'put', key: lastIdKey, value: String(id) };
}
