import type { Queryable } from '@motience/database';
import type { Month } from '@motience/ledger/pricing';
import { Refusal, type Statement } from '@motience/protocol';
import { sql } from 'drizzle-orm';
import { allDelivered } from '../settlement/all-delivered.ts';
import { lastDayOf } from '../settlement/days.ts';
import { groupBy } from './group-by.ts';
import type { StatementAccount } from './statement-account.ts';

/** What of an epoch was delivered on a day: in how many intervals, and from which seq to which. */
export interface EpochOfDay {
  readonly day: string;
  readonly epoch: string;
  readonly intervals: string;
  readonly from: string;
  readonly to: string;
  readonly readings: string;
  readonly bytes: string;
}

/** A statement with all that its lines are the sums of. */
export interface DetailedStatement extends Statement {
  /** By subscription, in the order of days and epochs. */
  readonly epochsByDay: ReadonlyMap<string, readonly EpochOfDay[]>;
}

/** The epochs of each day of each subscription. Refuses with `too-large` if there are more than `most`, days included. */
export async function readEpochsByDay(
  tx: Queryable,
  account: StatementAccount,
  of: Month,
  most: number,
): Promise<Map<string, EpochOfDay[]>> {
  const within = sql`${account.own} = ${account.id} and d.day between ${`${of}-01`} and ${lastDayOf(of)}`;
  const [days] = await tx.execute<{ count: number }>(sql`
    select count(*)::int as count from (
      select from subscriptions s join subscription_days d on d.subscription_id = s.id where ${within}
      limit ${most + 1}) days`);
  const room = Math.max(0, most - (days?.count ?? 0));
  const rows = await tx.execute<Record<'id' | keyof EpochOfDay, string>>(sql`
    select s.id::text, d.day::text, d.epoch, sum(d.intervals)::text as intervals, min(d.first_seq)::text as "from",
      max(d.last_seq)::text as "to", sum(d.readings)::text as readings, sum(d.bytes)::text as bytes
    from subscriptions s join ${allDelivered} d on d.subscription_id = s.id where ${within}
    group by s.id, d.day, d.epoch order by s.id, d.day, d.epoch limit ${room + 1}`);
  if (rows.length > room) {
    throw new Refusal(
      'too-large',
      `the statement has more than ${most} days and epochs; as JSON it can be read in pages`,
    );
  }
  return groupBy(rows, ({ id }) => id);
}
