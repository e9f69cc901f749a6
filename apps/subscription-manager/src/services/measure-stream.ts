import type { Queryable } from '@motience/database';
import type { Measures } from '@motience/protocol';
import { sql } from 'drizzle-orm';

export type StreamFigures = Omit<Measures, 'dictionary'>;

/** A minute is over for good when its last readings have had this long to be stored, in s. */
const settleSeconds = 5;
const longWindowDays = 30;
/** A gap is longer, in s. */
const shortestGapSeconds = 60;

interface Row extends Record<string, unknown> {
  until: string;
  first_seen: string | null;
  last_seen: string | null;
  counted: number;
  counted_24h: number;
  minutes: number;
  minutes_24h: number;
  readings_24h: string;
  bytes_24h: string;
  latency_checked: string;
  latency_readings: string;
  latency_sum_ms: string;
  latency_max_ms: number | null;
  gaps: number;
  gaps_24h: number;
  longest_gap: number;
  longest_gap_24h: number;
  devices: number;
  devices_24h: number;
}

/** Computes what a stream did in the last 24 hours and 30 days, from the record of its minutes and devices. */
export async function measureStream(queryable: Queryable, producerId: string): Promise<StreamFigures> {
  const [row] = await queryable.execute<Row>(sql`
    with clock as (
      select date_trunc('minute', now() - make_interval(secs => ${settleSeconds})) as until
    ), life as (
      select
        (select minute from stream_minutes where producer_id = ${producerId} order by minute limit 1) as first_minute,
        (select first_received_at from stream_minutes where producer_id = ${producerId} order by minute limit 1) as first_seen,
        (select last_received_at from stream_minutes where producer_id = ${producerId} order by minute desc limit 1) as last_seen
    ), time as (
      select until, until - interval '1 day' as day, first_seen, last_seen, case when first_minute is not null
        then least(until, greatest(until - make_interval(days => ${longWindowDays}), first_minute)) end as since
      from clock, life
    ), minutes as (
      select stream_minutes.*, minute >= day as in_day,
        coalesce(lag(last_received_at) over (order by minute), since) as heard_before
      from stream_minutes, time
      where producer_id = ${producerId} and minute >= since and minute < until
    ), silences as (
      select heard_before as began, first_received_at as ended from minutes
      union all
      select coalesce((select max(last_received_at) from minutes), since), until from time where since is not null
    ), gaps as (
      select extract(epoch from ended - began) as seconds,
        extract(epoch from ended - greatest(began, day)) as seconds_in_day
      from silences, time
      where ended - began > make_interval(secs => ${shortestGapSeconds})
    )
    select
      to_char(time.until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as until,
      to_char(first_seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as first_seen,
      to_char(last_seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as last_seen,
      coalesce(extract(epoch from time.until - since) / 60, 0)::int as counted,
      case when since is null then 0 else extract(epoch from time.until - greatest(since, day)) / 60 end::int as counted_24h,
      totals.*, longest.*, seen.*
    from time,
      (select count(*)::int as minutes, count(*) filter (where in_day)::int as minutes_24h,
        coalesce(sum(readings) filter (where in_day), 0) as readings_24h,
        coalesce(sum(bytes) filter (where in_day), 0) as bytes_24h,
        coalesce(sum(latency_checked) filter (where in_day), 0) as latency_checked,
        coalesce(sum(latency_readings) filter (where in_day), 0) as latency_readings,
        coalesce(sum(latency_sum_ms) filter (where in_day), 0) as latency_sum_ms,
        max(latency_max_ms) filter (where in_day and latency_readings > 0) as latency_max_ms
        from minutes) as totals,
      (select count(*)::int as gaps, count(*) filter (where seconds_in_day > ${shortestGapSeconds})::int as gaps_24h,
        coalesce(max(seconds), 0)::float8 as longest_gap,
        coalesce(max(seconds_in_day) filter (where seconds_in_day > ${shortestGapSeconds}), 0)::float8 as longest_gap_24h
        from gaps) as longest,
      (select count(*) filter (where last_received_at >= now() - make_interval(days => ${longWindowDays}))::int as devices,
        count(*) filter (where last_received_at >= now() - interval '1 day')::int as devices_24h
        from stream_devices where producer_id = ${producerId}) as seen`);
  if (!row) throw new Error('the measures are no row');
  return toFigures(row);
}

function toFigures(row: Row): StreamFigures {
  const readings = Number(row.readings_24h);
  const seconds = row.counted_24h * 60;
  const measured = Number(row.latency_readings);
  return {
    until: row.until,
    first_seen_at: row.first_seen,
    last_seen_at: row.last_seen,
    rate: {
      readings_per_second: seconds === 0 ? null : readings / seconds,
      readings,
      seconds_counted: seconds,
      bytes: Number(row.bytes_24h),
    },
    devices: { last_24_hours: row.devices_24h, last_30_days: row.devices },
    uptime: {
      last_24_hours: uptime(row.minutes_24h, row.counted_24h),
      last_30_days: uptime(row.minutes, row.counted),
    },
    gaps: {
      last_24_hours: { count: row.gaps_24h, longest_seconds: row.longest_gap_24h },
      last_30_days: { count: row.gaps, longest_seconds: row.longest_gap },
    },
    latency: {
      average_ms: measured === 0 ? null : Number(row.latency_sum_ms) / measured,
      longest_ms: row.latency_max_ms,
      readings_measured: measured,
      readings_checked: Number(row.latency_checked),
    },
  };
}

function uptime(withReadings: number, counted: number): StreamFigures['uptime']['last_30_days'] {
  const share = counted === 0 ? null : withReadings / counted;
  return { share, minutes_with_readings: withReadings, minutes_counted: counted };
}
