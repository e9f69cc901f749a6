import type { Queryable } from '@motience/database';
import { formatAmount, type Month, planTermsSchema } from '@motience/ledger/pricing';
import type { UseLine } from '@motience/protocol';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { allDelivered } from '../settlement/all-delivered.ts';
import { lastDayOf } from '../settlement/days.ts';
import { groupBy } from './group-by.ts';
import { planInWords, unitPrice } from './plan-words.ts';
import type { StatementAccount } from './statement-account.ts';

type Numbers =
  | 'readings'
  | 'bytes'
  | 'seconds'
  | 'trial_readings'
  | 'trial_bytes'
  | 'trial_seconds'
  | 'charged'
  | 'fee';
type NumberRow = Record<Numbers, string>;
const names = [
  'readings',
  'bytes',
  'seconds',
  'trial_readings',
  'trial_bytes',
  'trial_seconds',
  'charged',
  'fee',
] as const;

interface HeadRow extends NumberRow {
  id: string;
  account_id: string;
  account_name: string;
  plan_id: string | null;
  plan_name: string | null;
  terms: unknown;
}

/** What is read of the days of a line, and of the epochs of all of them. */
export type Details = 'none' | 'days' | 'epochs';

const maxEpochs = 50;
const loose = z.looseObject({ kind: z.string() });

/**
 * What the account's subscriptions used in a month, in the order of their ids, from the one after `after` on. Of a month
 * that is closed, what was written down when it was closed; else what is recorded so far.
 */
export async function readUseLines(
  tx: Queryable,
  account: StatementAccount,
  of: Month,
  { after, limit, details }: { after: bigint; limit: number; details: Details },
): Promise<UseLine[]> {
  const within = sql`d.day between ${`${of}-01`} and ${lastDayOf(of)}`;
  const columns = sql.join(
    names.map((name) => {
      const column = sql.raw(name);
      return sql`coalesce(l.${column}, sum(d.${column}))::text as ${column}`;
    }),
    sql`, `,
  );
  const otherName = account.role === 'consumer' ? sql`l.producer_name` : sql`l.consumer_name`;
  const heads = await tx.execute<HeadRow & Record<string, unknown>>(sql`
    select s.id::text, ${account.other}::text as account_id,
      coalesce(${otherName}, u.name, u.username) as account_name,
      p.id::text as plan_id, p.name as plan_name, p.terms, ${columns}
    from subscriptions s
    join subscription_days d on d.subscription_id = s.id and ${within}
    join users u on u.id = ${account.other}
    left join plans p on p.id = s.plan_id
    left join statement_lines l on l.subscription_id = s.id and l.month = ${of}
    where ${account.own} = ${account.id} and s.id > ${after}
    group by s.id, u.id, p.id, l.subscription_id, l.month
    order by s.id limit ${limit}`);
  const ids = heads.map(({ id }) => BigInt(id));
  const days = details !== 'none' ? await readDays(tx, ids, of) : new Map<string, DayRow[]>();
  const epochs = details === 'epochs' ? await readEpochs(tx, ids, of) : new Map<string, UseLine['epochs']>();
  const forProducer = account.role === 'producer';
  const feeOf = (row: NumberRow) => (forProducer ? formatAmount(BigInt(row.fee)) : null);
  return heads.map((row) => {
    const plan = row.terms === null ? undefined : planTermsSchema.parse(row.terms);
    return {
      kind: 'use',
      subscription_id: row.id,
      account_id: row.account_id,
      account_name: row.account_name,
      plan:
        plan && row.plan_id !== null
          ? { id: row.plan_id, name: row.plan_name ?? '', terms: loose.parse(row.terms), in_words: planInWords(plan) }
          : null,
      currency: plan && 'currency' in plan ? plan.currency : null,
      unit_price: unitPrice(plan ?? { kind: 'free' }),
      ...usesOf(row),
      charge: formatAmount(BigInt(row.charged)),
      fee: feeOf(row),
      amount: formatAmount(forProducer ? BigInt(row.charged) - BigInt(row.fee) : -BigInt(row.charged)),
      days: (days.get(row.id) ?? []).map((day) => ({
        day: day.day,
        ...usesOf(day),
        charge: formatAmount(BigInt(day.charged)),
        fee: feeOf(day),
      })),
      ...newestOf(epochs.get(row.id) ?? []),
    };
  });
}

/** Epochs sort in the order they began. */
function newestOf(epochs: UseLine['epochs']): Pick<UseLine, 'epochs' | 'more_epochs'> {
  return { epochs: epochs.slice(-maxEpochs), more_epochs: epochs.length > maxEpochs };
}

function usesOf({ readings, bytes, seconds, ...row }: NumberRow): Pick<UseLine, 'use' | 'trial'> {
  return {
    use: { readings, bytes, seconds },
    trial: { readings: row.trial_readings, bytes: row.trial_bytes, seconds: row.trial_seconds },
  };
}

interface DayRow extends NumberRow {
  id: string;
  day: string;
}

async function readDays(tx: Queryable, ids: readonly bigint[], of: Month): Promise<Map<string, DayRow[]>> {
  if (ids.length === 0) return new Map();
  const columns = sql.join(
    names.map((name) => sql`${sql.raw(name)}::text`),
    sql`, `,
  );
  const rows = await tx.execute<DayRow & Record<string, unknown>>(sql`
    select subscription_id::text as id, day::text, ${columns} from subscription_days d
    where subscription_id in ${[...ids]} and day between ${`${of}-01`} and ${lastDayOf(of)} order by day`);
  return groupBy(rows, ({ id }) => id);
}

/** The newest, and one more than is shown. */
async function readEpochs(tx: Queryable, ids: readonly bigint[], of: Month): Promise<Map<string, UseLine['epochs']>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.execute<
    Record<'id' | 'epoch' | 'intervals' | 'from' | 'to' | 'readings' | 'bytes', string>
  >(sql`
    select * from (
      select subscription_id::text as id, epoch, sum(intervals)::text as intervals, min(first_seq)::text as "from",
        max(last_seq)::text as "to", sum(readings)::text as readings, sum(bytes)::text as bytes,
        row_number() over (partition by subscription_id order by epoch desc) as place
      from ${allDelivered} delivered
      where subscription_id in ${[...ids]} and day between ${`${of}-01`} and ${lastDayOf(of)}
      group by subscription_id, epoch
    ) epochs where place <= ${maxEpochs + 1} order by id, epoch`);
  const grouped = groupBy(rows, ({ id }) => id);
  return new Map(
    [...grouped].map(([id, ofId]) => [
      id,
      ofId.map(({ epoch, intervals, from, to, readings, bytes }) => ({
        epoch,
        intervals: Number(intervals),
        from: Number(from),
        to: Number(to),
        readings,
        bytes,
      })),
    ]),
  );
}
