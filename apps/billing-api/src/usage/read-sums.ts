import type { Queryable } from '@motience/database';
import { formatAmount } from '@motience/ledger/pricing';
import { daySchema, Refusal, type UsageSums } from '@motience/protocol';
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';

const numberSchema = z.string().regex(/^\d{1,18}$/);

/** What can be added up by, and where it is in `s` (subscription), `p` (plan) and `d` (day). */
const groups = {
  stream: {
    key: sql`s.producer_id`,
    type: sql`bigint`,
    name: sql`(select coalesce(name, username) from users where id = g.key)`,
  },
  consumer: {
    key: sql`s.consumer_id`,
    type: sql`bigint`,
    name: sql`(select coalesce(name, username) from users where id = g.key)`,
  },
  plan: { key: sql`coalesce(s.plan_id, 0)`, type: sql`bigint`, name: sql`(select name from plans where id = g.key)` },
  day: { key: sql`d.day`, type: sql`date`, name: sql`null` },
} as const;

export interface SumsQuery {
  /** Whose subscriptions, as a condition on `s`. */
  readonly own: SQL;
  /** Days from the first until before the last. */
  readonly from: string;
  readonly to: string;
  readonly groupBy: keyof typeof groups;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface SumsPage {
  readonly items: readonly (UsageSums & { fee: string; earned: string })[];
  readonly next_cursor: string | null;
}

type Column =
  | 'readings'
  | 'bytes'
  | 'seconds'
  | 'trial_readings'
  | 'trial_bytes'
  | 'trial_seconds'
  | 'charged'
  | 'fee'
  | 'credited';

/** What subscriptions used and cost on some days, added up by group and currency, in the order of the groups. */
export async function readSums(db: Queryable, query: SumsQuery): Promise<SumsPage> {
  const { own, from, to, groupBy, limit } = query;
  const { key, type, name } = groups[groupBy];
  const after = placeOf(query.cursor, groupBy);
  const later = after ? sql`where (g.key, g.currency) > (${after.key}::${type}, ${after.currency})` : sql``;
  const rows = await db.execute<Record<Column | 'key' | 'currency', string> & { name: string | null }>(sql`
    select g.key::text as key, ${name} as name, g.currency, g.readings::text, g.bytes::text, g.seconds::text,
      g.trial_readings::text, g.trial_bytes::text, g.trial_seconds::text, g.charged::text, g.fee::text, g.credited::text
    from (
      select ${key} as key, coalesce(p.terms ->> 'currency', '') as currency, sum(d.readings) as readings,
        sum(d.bytes) as bytes, sum(d.seconds) as seconds, sum(d.trial_readings) as trial_readings,
        sum(d.trial_bytes) as trial_bytes, sum(d.trial_seconds) as trial_seconds, sum(d.charged) as charged,
        sum(d.fee) as fee, sum(d.credited) as credited
      from subscriptions s
      left join plans p on p.id = s.plan_id
      join lateral (
        select day, readings, bytes, seconds, trial_readings, trial_bytes, trial_seconds, charged, fee, 0 as credited
        from subscription_days where subscription_id = s.id and day >= ${from} and day < ${to}
        union all
        select day, 0, 0, 0, 0, 0, 0, 0, 0, amount from silence_credits
        where subscription_id = s.id and day >= ${from} and day < ${to}
      ) d on true
      where ${own} group by 1, 2
    ) g ${later} order by g.key, g.currency limit ${limit + 1}`);
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ key: group, currency, charged, fee, credited, ...row }) => ({
      group,
      name: row.name,
      currency: currency === '' ? null : currency,
      use: { readings: row.readings, bytes: row.bytes, seconds: row.seconds },
      trial: { readings: row.trial_readings, bytes: row.trial_bytes, seconds: row.trial_seconds },
      charge: formatAmount(BigInt(charged)),
      fee: formatAmount(BigInt(fee)),
      earned: formatAmount(BigInt(charged) - BigInt(fee)),
      credited: formatAmount(BigInt(credited)),
    })),
    next_cursor: rows.length > limit && last ? `${last.key}:${last.currency}` : null,
  };
}

function placeOf(cursor: string | undefined, groupBy: SumsQuery['groupBy']) {
  if (cursor === undefined) return undefined;
  const [, key, currency] = /^([\d-]{1,18}):([A-Z]{0,3})$/.exec(cursor) ?? [];
  const isKey = groupBy === 'day' ? daySchema : numberSchema;
  if (key !== undefined && currency !== undefined && isKey.safeParse(key).success) return { key, currency };
  const message = 'expected a next_cursor that a former page returned';
  throw new Refusal('invalid-request', `cursor: ${message}`, { details: [{ path: 'cursor', message }] });
}
