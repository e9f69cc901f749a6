import type { Database } from '@motience/database';
import { readBatch, type UnpersistedRange } from '@motience/stream-log';

/** Inserts ranges of readings in one statement. Those that are there already stay as they are. */
export async function insertReadings(sql: Database['sql'], ranges: readonly UnpersistedRange[]): Promise<void> {
  const producerIds: string[] = [];
  const epochs: string[] = [];
  const seqs: string[] = [];
  const deviceIds: string[] = [];
  const bodies: string[] = [];
  for (const { producerId, epoch, batches } of ranges) {
    for (const { lastSeq, batch } of batches) {
      const before = bodies.length;
      readBatch(batch, (deviceId, body) => {
        deviceIds.push(deviceId);
        bodies.push(body.toString());
      });
      const count = bodies.length - before;
      for (let seq = lastSeq - count + 1; seq <= lastSeq; seq += 1) {
        producerIds.push(producerId);
        epochs.push(epoch);
        seqs.push(String(seq));
      }
    }
  }
  await sql`
    insert into readings (producer_id, epoch, seq, device_id, body)
    select * from unnest(
      ${producerIds}::bigint[], ${epochs}::text[], ${seqs}::bigint[], ${deviceIds}::text[], ${bodies}::text[])
    on conflict do nothing`;
}
