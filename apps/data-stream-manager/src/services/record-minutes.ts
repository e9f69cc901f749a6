import type { ISql } from 'postgres';
import { arrayText } from './array-text.ts';
import type { StreamMinute } from './stream-minute.ts';

/** Adds what came of streams to what is recorded of their minutes. Not to be repeated: the caller knows what is new. */
export async function recordMinutes(sql: ISql, minutes: readonly StreamMinute[]): Promise<void> {
  if (minutes.length === 0) return;
  const column = (value: (minute: StreamMinute) => number | bigint | string) => arrayText(minutes.map(value));
  await sql`
    insert into stream_minutes as kept (
      producer_id, minute, readings, bytes, first_received_at, last_received_at, heard_seconds,
      latency_checked, latency_readings, latency_sum_ms, latency_max_ms)
    select producer_id, to_timestamp(minute_ms / 1000.0), readings, bytes, to_timestamp(first_ms / 1000.0),
      to_timestamp(last_ms / 1000.0), heard_seconds, latency_checked, latency_readings, latency_sum_ms, latency_max_ms
    from unnest(
      ${column(({ producerId }) => producerId)}::bigint[], ${column(({ minuteMs }) => minuteMs)}::bigint[],
      ${column(({ readings }) => readings)}::bigint[], ${column(({ bytes }) => bytes)}::bigint[],
      ${column(({ firstReceivedAtMs }) => firstReceivedAtMs)}::bigint[],
      ${column(({ lastReceivedAtMs }) => lastReceivedAtMs)}::bigint[],
      ${column(({ heardSeconds }) => heardSeconds)}::bigint[],
      ${column(({ latencyChecked }) => latencyChecked)}::int[],
      ${column(({ latencyReadings }) => latencyReadings)}::int[],
      ${column(({ latencySumMs }) => latencySumMs)}::bigint[],
      ${column(({ latencyMaxMs }) => latencyMaxMs)}::int[]
    ) as came (producer_id, minute_ms, readings, bytes, first_ms, last_ms, heard_seconds,
      latency_checked, latency_readings, latency_sum_ms, latency_max_ms)
    on conflict (producer_id, minute) do update set
      readings = kept.readings + excluded.readings,
      bytes = kept.bytes + excluded.bytes,
      first_received_at = least(kept.first_received_at, excluded.first_received_at),
      last_received_at = greatest(kept.last_received_at, excluded.last_received_at),
      heard_seconds = kept.heard_seconds | excluded.heard_seconds,
      latency_checked = kept.latency_checked + excluded.latency_checked,
      latency_readings = kept.latency_readings + excluded.latency_readings,
      latency_sum_ms = kept.latency_sum_ms + excluded.latency_sum_ms,
      latency_max_ms = greatest(kept.latency_max_ms, excluded.latency_max_ms)`;
}
