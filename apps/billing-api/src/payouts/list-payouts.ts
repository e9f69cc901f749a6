import { type Database, payouts } from '@motience/database';
import type { Payout } from '@motience/protocol';
import { afterCursor, type Page, type PageQuery, pageOf } from '@motience/service-kit';
import { and, desc, eq, lt } from 'drizzle-orm';
import { type PayoutRow, payoutOf } from './payout-row.ts';

export interface PayoutsQuery extends PageQuery {
  /** Whose; everyone's if it is left out. */
  readonly producerId?: bigint | undefined;
  readonly status?: PayoutRow['status'] | undefined;
}

/** A page of payouts, newest first. */
export async function listPayouts(
  { db }: Database,
  { producerId, status, limit, cursor }: PayoutsQuery,
): Promise<Page<Payout>> {
  const rows = await db
    .select()
    .from(payouts)
    .where(
      and(
        producerId === undefined ? undefined : eq(payouts.producerId, producerId),
        status === undefined ? undefined : eq(payouts.status, status),
        cursor === undefined ? undefined : lt(payouts.id, afterCursor(cursor)),
      ),
    )
    .orderBy(desc(payouts.id))
    .limit(limit + 1);
  return pageOf(rows, limit, payoutOf);
}
