import { type Database, topUps } from '@motience/database';
import type { TopUp } from '@motience/protocol';
import { afterCursor, type Page, type PageQuery, pageOf } from '@motience/service-kit';
import { and, desc, eq, lt } from 'drizzle-orm';
import { toTopUp } from './top-up-row.ts';

/** A page of an account's top-ups, newest first. */
export async function listTopUps(
  { db }: Pick<Database, 'db'>,
  accountId: bigint,
  { limit, cursor }: PageQuery,
): Promise<Page<TopUp>> {
  const rows = await db
    .select()
    .from(topUps)
    .where(and(eq(topUps.accountId, accountId), cursor === undefined ? undefined : lt(topUps.id, afterCursor(cursor))))
    .orderBy(desc(topUps.id))
    .limit(limit + 1);
  return pageOf(rows, limit, toTopUp);
}
