/** Which part of a list: at most `limit` items after `cursor`, which a former page returned. */
export interface PageQuery {
  limit?: number | undefined;
  cursor?: string | null | undefined;
  /** Only accounts whose name contains this; for lists of accounts. */
  q?: string | undefined;
}

export function pageQueryText(query: PageQuery): string {
  const params = new URLSearchParams();
  if (query.limit !== undefined) params.set('limit', String(query.limit));
  if (query.cursor) params.set('cursor', query.cursor);
  if (query.q) params.set('q', query.q);
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}
