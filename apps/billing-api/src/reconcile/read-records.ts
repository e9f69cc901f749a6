import type { Queryable } from '@motience/database';
import { type Month, month, noUse, planTermsSchema, type Use } from '@motience/ledger/pricing';
import { type SQL, sql } from 'drizzle-orm';
import { allDelivered } from '../settlement/all-delivered.ts';
import type { DifferentDay, MonthRecord, SubscriptionRecord } from './subscription-record.ts';

/** Numbers as PostgreSQL writes them: none of them is ever a floating-point number. */
type Row<Name extends string> = Record<Name, string>;

/**
 * The records of subscriptions, in the order of their ids, each put together from what was delivered, metered, posted,
 * invoiced and credited. Its memory grows with the number of subscriptions and their months.
 */
export async function readRecords(tx: Queryable, ids: readonly bigint[]): Promise<SubscriptionRecord[]> {
  if (ids.length === 0) return [];
  const these = sql`in (${sql.join(
    ids.map((id) => sql`${id}`),
    sql`, `,
  )})`;
  const heads = await tx.execute<{ id: string; terms: unknown; fee_ppm: number | null; closed: string | null }>(sql`
    select s.id::text, p.terms, m.fee_ppm,
      to_char(date_trunc('month', (c.closed_through + 1)::timestamp) - interval '1 month', 'YYYY-MM') as closed
    from subscriptions s
    left join plans p on p.id = s.plan_id
    left join subscription_meters m on m.subscription_id = s.id
    left join subscription_closings c on c.subscription_id = s.id
    where s.id ${these} order by s.id`);
  const months = await readMonths(tx, these);
  const days = await readDifferentDays(tx, these);
  const postings = await tx.execute<Row<'id' | 'debited' | 'earned' | 'fee' | 'credited'>>(sql`
    select t.subscription_id::text as id,
      coalesce(-sum(e.amount) filter (where t.kind = 'capture' and a.owner_id = s.consumer_id), 0)::text as debited,
      coalesce(sum(e.amount) filter (
        where t.kind = 'capture' and a.kind = 'earnings' and a.owner_id = s.producer_id), 0)::text as earned,
      coalesce(sum(e.amount) filter (where t.kind = 'capture' and a.kind = 'fee'), 0)::text as fee,
      coalesce(sum(e.amount) filter (where t.kind = 'credit' and a.owner_id = s.consumer_id), 0)::text as credited
    from ledger_transactions t
    join subscriptions s on s.id = t.subscription_id
    join ledger_entries e on e.transaction_id = t.id
    join ledger_accounts a on a.id = e.account_id
    where t.subscription_id ${these} and t.kind in ('capture', 'credit')
    group by t.subscription_id`);
  const posted = new Map(postings.map((row) => [row.id, row]));
  return heads.map(({ id, terms, fee_ppm, closed }) => ({
    subscriptionId: BigInt(id),
    plan: terms === null ? undefined : planTermsSchema.parse(terms),
    feePpm: fee_ppm ?? 0,
    differentDay: days.get(id),
    months: months.get(id) ?? [],
    closedThrough: closed === null ? undefined : month(closed),
    debited: BigInt(posted.get(id)?.debited ?? 0),
    earned: BigInt(posted.get(id)?.earned ?? 0),
    feePosted: BigInt(posted.get(id)?.fee ?? 0),
    creditReceived: BigInt(posted.get(id)?.credited ?? 0),
  }));
}

/** What was delivered on a day, from the intervals of seq, or their sums, and of time. */
const deliveredDays = (these: SQL) => sql`
  select subscription_id, day, sum(readings) as readings, sum(bytes) as bytes, sum(seconds) as seconds from (
    select subscription_id, day, sum(readings) as readings, sum(bytes) as bytes, 0 as seconds
    from ${allDelivered} delivered where subscription_id ${these} group by subscription_id, day
    union all
    select subscription_id, (days.at at time zone 'UTC')::date as day, 0, 0,
      sum(extract(epoch from least(until_at, days.at + interval '24 hours') - greatest(from_at, days.at))) as seconds
    from delivered_time, lateral generate_series(
      date_trunc('day', from_at at time zone 'UTC') at time zone 'UTC', until_at - interval '1 microsecond',
      interval '24 hours') as days (at)
    where subscription_id ${these} group by subscription_id, days.at
  ) pieces group by subscription_id, day`;

/** The first day of each subscription on which what was delivered is not what was metered. */
async function readDifferentDays(tx: Queryable, these: SQL): Promise<Map<string, DifferentDay>> {
  const rows = await tx.execute<
    Row<'id' | 'day' | 'readings' | 'bytes' | 'seconds' | 'metered_readings' | 'metered_bytes' | 'metered_seconds'>
  >(sql`
    select distinct on (subscription_id) subscription_id::text as id, day::text,
      coalesce(d.readings, 0)::text as readings, coalesce(d.bytes, 0)::text as bytes,
      coalesce(d.seconds, 0)::numeric(30, 0)::text as seconds,
      coalesce(m.readings, 0)::text as metered_readings, coalesce(m.bytes, 0)::text as metered_bytes,
      coalesce(m.seconds, 0)::text as metered_seconds
    from (${deliveredDays(these)}) d
    full join (select * from subscription_days where subscription_id ${these}) m using (subscription_id, day)
    where coalesce(d.readings, 0) <> coalesce(m.readings, 0) or coalesce(d.bytes, 0) <> coalesce(m.bytes, 0)
      or coalesce(d.seconds, 0) <> coalesce(m.seconds, 0)
    order by subscription_id, day`);
  return new Map(
    rows.map((row) => [
      row.id,
      {
        day: row.day,
        delivered: useOf(row),
        metered: useOf({
          readings: row.metered_readings,
          bytes: row.metered_bytes,
          seconds: row.metered_seconds,
        }),
      },
    ]),
  );
}

type MonthColumn = 'readings' | 'bytes' | 'seconds' | 'trial_readings' | 'trial_bytes' | 'trial_seconds';

async function readMonths(tx: Queryable, these: SQL): Promise<Map<string, MonthRecord[]>> {
  const byMonth = new Map<string, Map<Month, Partial<MonthRecord>>>();
  const add = (id: string, of: string, part: Partial<MonthRecord>) => {
    const months = byMonth.get(id) ?? new Map<Month, Partial<MonthRecord>>();
    byMonth.set(id, months.set(month(of), { ...months.get(month(of)), ...part }));
  };
  const delivered = await tx.execute<Row<'id' | 'month' | 'readings' | 'bytes' | 'seconds'>>(sql`
    select subscription_id::text as id, to_char(day, 'YYYY-MM') as month, sum(readings)::text as readings,
      sum(bytes)::text as bytes, sum(seconds)::numeric(30, 0)::text as seconds
    from (${deliveredDays(these)}) d group by subscription_id, to_char(day, 'YYYY-MM')`);
  for (const row of delivered) add(row.id, row.month, { delivered: useOf(row) });
  const sums = sql`sum(readings)::text as readings, sum(bytes)::text as bytes, sum(seconds)::text as seconds,
    sum(trial_readings)::text as trial_readings, sum(trial_bytes)::text as trial_bytes,
    sum(trial_seconds)::text as trial_seconds, sum(charged)::text as charged, sum(fee)::text as fee`;
  const metered = await tx.execute<Row<'id' | 'month' | MonthColumn | 'charged' | 'fee'>>(sql`
    select subscription_id::text as id, to_char(day, 'YYYY-MM') as month, ${sums}
    from subscription_days where subscription_id ${these} group by subscription_id, to_char(day, 'YYYY-MM')`);
  for (const row of metered) {
    const { charged, fee } = row;
    add(row.id, row.month, { metered: useOf(row), free: freeOf(row), charged: BigInt(charged), fee: BigInt(fee) });
  }
  const invoiced = await tx.execute<Row<'id' | 'month' | MonthColumn | 'charged' | 'fee'>>(sql`
    select subscription_id::text as id, month, ${sums} from statement_lines
    where subscription_id ${these} group by subscription_id, month`);
  for (const row of invoiced) {
    const amounts = { charged: BigInt(row.charged), fee: BigInt(row.fee) };
    add(row.id, row.month, { invoiced: { use: useOf(row), free: freeOf(row), ...amounts } });
  }
  const credited = await tx.execute<Row<'id' | 'month' | 'amount' | 'posted'>>(sql`
    select c.subscription_id::text as id, to_char(c.day, 'YYYY-MM') as month, sum(c.amount)::text as amount,
      coalesce(sum(posted.amount), 0)::text as posted
    from silence_credits c
    join subscriptions s on s.id = c.subscription_id
    left join lateral (
      select -sum(e.amount) as amount from ledger_transactions t
      join ledger_entries e on e.transaction_id = t.id
      join ledger_accounts a on a.id = e.account_id
        and (a.kind = 'earnings' and a.owner_id = s.producer_id or a.kind = 'fee')
      where t.id = c.transaction_id and t.kind = 'credit' and t.subscription_id = c.subscription_id
    ) posted on true
    where c.subscription_id ${these} group by c.subscription_id, to_char(c.day, 'YYYY-MM')`);
  for (const row of credited) {
    add(row.id, row.month, { credited: BigInt(row.amount), creditPosted: BigInt(row.posted) });
  }
  return new Map([...byMonth].map(([id, months]) => [id, inOrder(months)]));
}

function inOrder(months: ReadonlyMap<Month, Partial<MonthRecord>>): MonthRecord[] {
  return [...months]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([of, part]) => ({
      month: of,
      delivered: part.delivered ?? noUse,
      metered: part.metered ?? noUse,
      free: part.free ?? noUse,
      charged: part.charged ?? 0n,
      fee: part.fee ?? 0n,
      invoiced: part.invoiced,
      credited: part.credited ?? 0n,
      creditPosted: part.creditPosted ?? 0n,
    }));
}

function useOf(row: Row<'readings' | 'bytes' | 'seconds'>): Use {
  return { readings: BigInt(row.readings), bytes: BigInt(row.bytes), seconds: BigInt(row.seconds) };
}

function freeOf(row: Row<'trial_readings' | 'trial_bytes' | 'trial_seconds'>): Use {
  return useOf({ readings: row.trial_readings, bytes: row.trial_bytes, seconds: row.trial_seconds });
}
