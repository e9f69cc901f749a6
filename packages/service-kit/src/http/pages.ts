import { idSchema, Refusal } from '@motience/protocol';

export interface PageQuery {
  limit: number;
  cursor?: string | undefined;
}

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

/** The id a page starts after; `invalid-request` if it is none. A cursor is the id of the last row of the page before. */
export function afterCursor(cursor: string | undefined): bigint {
  if (cursor === undefined) return 0n;
  const id = idSchema.safeParse(cursor);
  if (id.success) return BigInt(id.data);
  const message = 'expected a next_cursor that a former page returned';
  throw new Refusal('invalid-request', `cursor: ${message}`, { details: [{ path: 'cursor', message }] });
}

/** The page that `rows` make, of which one more than `limit` was asked for, to know whether there are more. */
export function pageOf<Row extends { id: bigint }, Item>(
  rows: Row[],
  limit: number,
  show: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  return { items: shown.map(show), next_cursor: rows.length > limit ? String(shown.at(-1)?.id) : null };
}
