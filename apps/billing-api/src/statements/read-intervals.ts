import type { Database } from '@motience/database';
import type { Month } from '@motience/ledger/pricing';
import { type DeliveredIntervalPage, Refusal } from '@motience/protocol';
import { sql } from 'drizzle-orm';
import { allDelivered } from '../settlement/all-delivered.ts';
import { lastDayOf } from '../settlement/days.ts';
import { readStatementAccount } from './statement-account.ts';

export interface IntervalsQuery {
  readonly accountId: bigint;
  readonly subscriptionId: bigint;
  readonly month: Month;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/**
 * The intervals that a line of a statement is the sum of, by where they end; those of readings kept no more joined by day. What
 * grows, or is joined, between two pages comes on the next one, and stands for what of it was on the former: nothing is left out.
 * `not-found` if the account has no such subscription.
 */
export async function readIntervals({ db }: Database, query: IntervalsQuery): Promise<DeliveredIntervalPage> {
  const { subscriptionId, month, limit } = query;
  const account = await readStatementAccount(db, query.accountId);
  const found = await db.execute(sql`
    select from subscriptions s where s.id = ${subscriptionId} and ${account.own} = ${account.id}`);
  if (found.length === 0) throw new Refusal('not-found', `there is no subscription ${subscriptionId} of this account`);
  const after = placeOf(query.cursor);
  const rows = await db.execute<
    Record<
      | 'epoch'
      | 'first_seq'
      | 'last_seq'
      | 'bytes_before'
      | 'bytes_through'
      | 'intervals'
      | 'readings'
      | 'bytes'
      | 'day',
      string
    >
  >(sql`
    select epoch, first_seq::text, last_seq::text, bytes_before::text, bytes_through::text, intervals::text,
      readings::text, bytes::text, day::text
    from ${allDelivered} i
    where subscription_id = ${subscriptionId} and day between ${`${month}-01`} and ${lastDayOf(month)}
      and (epoch, last_seq) > (${after.epoch}, ${after.seq}::bigint)
    order by epoch, i.last_seq limit ${limit + 1}`);
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map((row) => ({
      epoch: row.epoch,
      from: Number(row.first_seq),
      to: Number(row.last_seq),
      bytes_before: row.bytes_before,
      bytes_through: row.bytes_through,
      intervals: row.intervals,
      readings: row.readings,
      bytes: row.bytes,
      day: row.day,
    })),
    next_cursor: rows.length > limit && last ? `${last.epoch}:${last.last_seq}` : null,
  };
}

function placeOf(cursor: string | undefined): { epoch: string; seq: string } {
  if (cursor === undefined) return { epoch: '', seq: '0' };
  const [, epoch, seq] = /^([A-Za-z0-9_-]{1,64}):(\d{1,16})$/.exec(cursor) ?? [];
  if (epoch === undefined || seq === undefined) {
    const message = 'expected a next_cursor that a former page returned';
    throw new Refusal('invalid-request', `cursor: ${message}`, { details: [{ path: 'cursor', message }] });
  }
  return { epoch, seq };
}
