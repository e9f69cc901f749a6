import { createHash } from 'node:crypto';
import { idSchema, type ListingQuery, Refusal } from '@motience/protocol';
import { z } from 'zod';

/** The last listing of a page: what it was sorted by, and whose it is. */
export interface ListingPlace {
  /** May be infinite, but is never NaN. */
  key: number;
  producerId: string;
}

const contentSchema = z.tuple([z.string(), z.string().regex(/^-?(Infinity|\d[\d.e+-]*)$/), idSchema]);

/** A cursor is good for the query it was made for, whatever the size of the page. */
export function writeCursor(query: ListingQuery, { key, producerId }: ListingPlace): string {
  return Buffer.from(JSON.stringify([markOf(query), String(key), producerId])).toString('base64url');
}

/**
 * Where the page of a query begins; undefined at the first. `invalid-request` if it is no cursor of this query, or its
 * key is none that `isKey` takes.
 */
export function readCursor(query: ListingQuery, isKey: (key: number) => boolean): ListingPlace | undefined {
  if (query.cursor === undefined) return undefined;
  const [mark, text, producerId] = contentSchema.safeParse(parse(query.cursor)).data ?? [];
  const key = Number(text);
  if (mark === markOf(query) && producerId !== undefined && isKey(key)) return { key, producerId };
  const message = 'expected a next_cursor that a former page of the same query returned';
  throw new Refusal('invalid-request', `cursor: ${message}`, { details: [{ path: 'cursor', message }] });
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** What a query asks for, in short. */
function markOf({ limit: _limit, cursor: _cursor, ...query }: ListingQuery): string {
  const asked = Object.entries(query).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url').slice(0, 12);
}
