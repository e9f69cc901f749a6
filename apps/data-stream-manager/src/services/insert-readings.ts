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
  /** Per reading, by position: its batch, its seq, and first byte (from 1) and length of its device_id and its body. */
  const readings: number[][] = [[], [], [], [], [], []];
  const [places = [], seqs = [], deviceStarts = [], deviceLengths = [], bodyStarts = [], bodyLengths = []] = readings;
  let batchStart = 1;
  for (const [place, { batch, firstSeq }] of batches.entries()) {
    let seq = firstSeq;
    visitReadings(batch, (deviceStart, deviceEnd, bodyStart, bodyEnd) => {
      places.push(place + 1);
      seqs.push(seq);
      deviceStarts.push(batchStart + deviceStart);
      deviceLengths.push(deviceEnd - deviceStart);
      bodyStarts.push(batchStart + bodyStart);
      bodyLengths.push(bodyEnd - bodyStart);
      seq += 1;
    });
    batchStart += batch.length;
  }
  const sent = Buffer.concat(batches.map(({ batch }) => batch));
  const { count } = await sql`
    insert into readings (producer_id, epoch, seq, device_id, body, received_at)
    select producer_id, epoch, seq,
      convert_from(substring(bytes from device_start for device_length), 'UTF8'),
      convert_from(substring(bytes from body_start for body_length), 'UTF8'),
      to_timestamp(retained_at_ms / 1000.0)
    from unnest(
      ${arrayText(places)}::int[], ${arrayText(seqs)}::bigint[], ${arrayText(deviceStarts)}::int[],
      ${arrayText(deviceLengths)}::int[], ${arrayText(bodyStarts)}::int[], ${arrayText(bodyLengths)}::int[]
    ) as reading (place, seq, device_start, device_length, body_start, body_length)
    join unnest(
      ${batches.map(({ producerId }) => producerId)}::bigint[], ${batches.map(({ epoch }) => epoch)}::text[],
      ${arrayText(batches.map(({ retainedAtMs }) => retainedAtMs))}::bigint[]
    ) with ordinality as batch (producer_id, epoch, retained_at_ms, place) using (place)
    cross join (select ${sent}::bytea as bytes) as sent
    on conflict do nothing`;
  return count;
}
