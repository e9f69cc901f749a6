import type { Database } from '@motience/database';
import { readBatch, type UnpersistedRange } from '@motience/stream-log';

/**
 * Inserts ranges of readings in one statement, each with the time it was numbered at. Those that are there already stay
 * as they are.
 */
export async function insertReadings(sql: Database['sql'], ranges: readonly UnpersistedRange[]): Promise<void> {
  const producerIds: string[] = [];
  const epochs: string[] = [];
  const seqs: string[] = [];
  const deviceIds: string[] = [];
  const bodies: string[] = [];
  const receivedAtMs: string[] = [];
  for (const { producerId, epoch, batches } of ranges) {
    for (const { firstSeq, batch, retainedAtMs } of batches) {
      let seq = firstSeq;
      readBatch(batch, (deviceId, body) => {
        producerIds.push(producerId);
        epochs.push(epoch);
        seqs.push(String(seq));
        deviceIds.push(deviceId);
        bodies.push(body.toString());
        receivedAtMs.push(String(retainedAtMs));
        seq += 1;
      });
    }
  }
  await sql`
    insert into readings (producer_id, epoch, seq, device_id, body, received_at)
    select producer_id, epoch, seq, device_id, body, to_timestamp(received_at_ms / 1000.0) from unnest(
      ${producerIds}::bigint[], ${epochs}::text[], ${seqs}::bigint[], ${deviceIds}::text[], ${bodies}::text[],
      ${receivedAtMs}::bigint[]
    ) as reading (producer_id, epoch, seq, device_id, body, received_at_ms)
    on conflict do nothing`;
}
