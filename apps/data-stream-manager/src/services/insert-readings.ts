import { visitReadings } from '@motience/stream-log';
import type { ISql } from 'postgres';
import { arrayText } from './array-text.ts';
import type { StreamBatch } from './stream-minute.ts';

/**
 * Inserts batches of readings in one statement, each reading with the time it was numbered at, and returns how many were
 * not there yet; the others stay as they are. The batches are sent as they are, with where each reading lies in them:
 * PostgreSQL takes them apart.
 */
export async function insertReadings(sql: ISql, batches: readonly StreamBatch[]): Promise<number> {
  /**
   * Per reading, by position: its batch, its seq, the running total of bytes before it, and first byte (from 1) and length of its
   * device_id and its body.
   */
  const readings: number[][] = [[], [], [], [], [], [], []];
  const [
    places = [],
    seqs = [],
    totals = [],
    deviceStarts = [],
    deviceLengths = [],
    bodyStarts = [],
    bodyLengths = [],
  ] = readings;
  let batchStart = 1;
  for (const [place, { batch, firstSeq, bytesBefore }] of batches.entries()) {
    let seq = firstSeq;
    let total = bytesBefore;
    visitReadings(batch, (deviceStart, deviceEnd, bodyStart, bodyEnd) => {
      places.push(place + 1);
      seqs.push(seq);
      totals.push(total);
      deviceStarts.push(batchStart + deviceStart);
      deviceLengths.push(deviceEnd - deviceStart);
      bodyStarts.push(batchStart + bodyStart);
      bodyLengths.push(bodyEnd - bodyStart);
      seq += 1;
      total += bodyEnd - bodyStart;
    });
    batchStart += batch.length;
  }
  const sent = Buffer.concat(batches.map(({ batch }) => batch));
  const { count } = await sql`
    insert into readings (producer_id, epoch, seq, bytes_before, device_id, body, received_at)
    select producer_id, epoch, seq, case when bytes_through > 0 then bytes_before end,
      convert_from(substring(bytes from device_start for device_length), 'UTF8'),
      convert_from(substring(bytes from body_start for body_length), 'UTF8'),
      to_timestamp(retained_at_ms / 1000.0)
    from unnest(
      ${arrayText(places)}::int[], ${arrayText(seqs)}::bigint[], ${arrayText(totals)}::bigint[],
      ${arrayText(deviceStarts)}::int[], ${arrayText(deviceLengths)}::int[],
      ${arrayText(bodyStarts)}::int[], ${arrayText(bodyLengths)}::int[]
    ) as reading (place, seq, bytes_before, device_start, device_length, body_start, body_length)
    join unnest(
      ${batches.map(({ producerId }) => producerId)}::bigint[], ${batches.map(({ epoch }) => epoch)}::text[],
      ${arrayText(batches.map(({ retainedAtMs }) => retainedAtMs))}::bigint[],
      ${arrayText(batches.map(({ bytesThrough }) => bytesThrough))}::bigint[]
    ) with ordinality as batch (producer_id, epoch, retained_at_ms, bytes_through, place) using (place)
    cross join (select ${sent}::bytea as bytes) as sent
    on conflict do nothing`;
  return count;
}
