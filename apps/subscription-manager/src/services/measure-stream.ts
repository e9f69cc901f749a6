import type { Queryable } from '@motience/database';
import type { Measures } from '@motience/protocol';
import { type SQL, sql } from 'drizzle-orm';

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
  /** Of them, without a reading, while the platform was down. */
  down: number;
  down_24h: number;
  seconds_24h: number;
  minutes: number;
  minutes_24h: number;
  readings: string;
  bytes: string;
  latency_checked: string;
  latency_readings: string;
  latency_sum_ms: string;
  latency_max_ms: number | null;
  gaps: number;
  gaps_24h: number;
  longest_gap: number;
  longest_gap_24h: number;
  /** What goes on since the last reading. */
  silence: number;
  silence_24h: number;
  devices: number;
  devices_24h: number;
}

/**
 * Computes what a stream did in the 24 hours and the 30 days before `now`, from the record of its minutes and devices. A minute in
 * which the platform was down and that has no reading is not counted.
 */
export async function measureStream(
  queryable: Queryable,
  producerId: string,
  now = new Date(),
): Promise<StreamFigures> {
  const at = sql`${now.toISOString()}::timestamptz`;
  const isGap = sql`> make_interval(secs => ${shortestGapSeconds})`;
  const [row] = await queryable.execute<Row>(sql`
    with life as (
      select
        (select minute from stream_minutes where producer_id = ${producerId} order by minute limit 1) as first_minute,
        (select first_received_at from stream_minutes where producer_id = ${producerId} order by minute limit 1) as first_seen,
        (select last_received_at from stream_minutes where producer_id = ${producerId} order by minute desc limit 1) as last_seen,
        date_trunc('minute', ${at} - make_interval(secs => ${settleSeconds})) as until
    ), time as (
      select first_seen, last_seen, until, until - interval '1 day' as day, case when first_minute is not null
        then least(until, greatest(until - make_interval(days => ${longWindowDays}), first_minute)) end as since
      from life
    ), silences as (
      select minute, day, until, last_received_at as heard, first_received_at as ended,
        coalesce(lag(last_received_at) over (order by minute), since) as began
      from stream_minutes, time where producer_id = ${producerId} and minute >= since and minute < until
    ), long as (
      select count(*)::int as minutes, count(*) filter (where minute >= day)::int as minutes_24h,
        count(*) filter (where ended - began ${isGap})::int as gaps,
        count(*) filter (where ended - greatest(began, day) ${isGap})::int as gaps_24h,
        coalesce(extract(epoch from max(ended - began) filter (where ended - began ${isGap})), 0)::float8 as longest_gap,
        coalesce(extract(epoch from max(ended - greatest(began, day)) filter (where ended - greatest(began, day) ${isGap})), 0)::float8
          as longest_gap_24h,
        max(heard) as heard
      from silences
    ), down as (
      select count(*)::int as down, count(*) filter (where minute >= day)::int as down_24h
      from (
        select distinct minute, day from time, platform_downtimes, generate_series(
          date_trunc('minute', greatest(from_at, since)), least(until_at, until) - interval '1 microsecond', '1 minute'
        ) as minute
        where from_at < until and until_at > since
      ) as minutes
      where not exists (select from stream_minutes m where m.producer_id = ${producerId} and m.minute = minutes.minute)
    ), short as (
      select coalesce(sum(readings), 0) as readings, coalesce(sum(bytes), 0) as bytes,
        coalesce(sum(latency_checked), 0) as latency_checked, coalesce(sum(latency_readings), 0) as latency_readings,
        coalesce(sum(latency_sum_ms), 0) as latency_sum_ms,
        max(latency_max_ms) filter (where latency_readings > 0) as latency_max_ms
      from stream_minutes, time where producer_id = ${producerId} and minute >= greatest(since, day) and minute < until
    ), seen as (
      select count(*) filter (where last_received_at >= ${at} - make_interval(days => ${longWindowDays}))::int as devices,
        count(*) filter (where last_received_at >= ${at} - interval '1 day')::int as devices_24h
      from stream_devices where producer_id = ${producerId}
    )
    select ${utc(sql`until`)} as until, ${utc(sql`first_seen`)} as first_seen, ${utc(sql`last_seen`)} as last_seen,
      coalesce(extract(epoch from until - since) / 60, 0)::int as counted,
      case when since is null then 0 else extract(epoch from until - greatest(since, day)) / 60 end::int as counted_24h,
      case when since is null then 0
        else greatest(0, extract(epoch from until - greatest(first_seen, day))) end::float8 as seconds_24h,
      coalesce(extract(epoch from until - coalesce(heard, since)), 0)::float8 as silence,
      case when since is null then 0 else extract(epoch from until - greatest(heard, since, day)) end::float8 as silence_24h,
      minutes, minutes_24h, gaps, gaps_24h, longest_gap, longest_gap_24h, down.*, short.*, seen.*
    from time, long, down, short, seen`);
  if (!row) throw new Error('the measures are no row');
  return toFigures(row);
}

function utc(time: SQL): SQL {
  return sql`to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

function toFigures(row: Row): StreamFigures {
  const readings = Number(row.readings);
  const seconds = row.seconds_24h;
  const measured = Number(row.latency_readings);
  return {
    until: row.until,
    first_seen_at: row.first_seen,
    last_seen_at: row.last_seen,
    rate: {
      readings_per_second: seconds === 0 ? null : readings / seconds,
      readings,
      seconds_counted: seconds,
      bytes: Number(row.bytes),
    },
    devices: { last_24_hours: row.devices_24h, last_30_days: row.devices },
    uptime: {
      last_24_hours: uptime(row.minutes_24h, row.counted_24h, row.down_24h),
      last_30_days: uptime(row.minutes, row.counted, row.down),
    },
    gaps: {
      last_24_hours: gaps(row.gaps_24h, row.longest_gap_24h, row.silence_24h),
      last_30_days: gaps(row.gaps, row.longest_gap, row.silence),
    },
    latency: {
      average_ms: measured === 0 ? null : Number(row.latency_sum_ms) / measured,
      longest_ms: row.latency_max_ms,
      readings_measured: measured,
      readings_checked: Number(row.latency_checked),
    },
  };
}

function uptime(withReadings: number, all: number, down: number): StreamFigures['uptime']['last_30_days'] {
  const counted = all - down;
  const share = counted === 0 ? null : withReadings / counted;
  return { share, minutes_with_readings: withReadings, minutes_counted: counted, minutes_platform_down: down };
}

/** Those that ended, and the one that goes on if it is long enough by now. */
function gaps(ended: number, longestSeconds: number, silenceSeconds: number): StreamFigures['gaps']['last_30_days'] {
  if (silenceSeconds <= shortestGapSeconds) return { count: ended, longest_seconds: longestSeconds };
  return { count: ended + 1, longest_seconds: Math.max(longestSeconds, silenceSeconds) };
}
