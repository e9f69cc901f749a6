import type { Queryable } from '@motience/database';
import { deliveredReadingSchema } from '@motience/protocol';
import { sql } from 'drizzle-orm';
import type { z } from 'zod';

/** A reading that PostgreSQL holds. */
export interface StoredReading {
  epoch: string;
  seq: number;
  /** As it was delivered, but without its seq. */
  reading: z.infer<typeof storedSchema>;
  bytes: number;
}

const storedSchema = deliveredReadingSchema.omit({ seq: true });

/** The last readings of a stream that are stored, newest first: at most `most`, and those after a position only. */
export async function readLastReadings(
  queryable: Queryable,
  producerId: string,
  most: number,
  after?: { epoch: string; seq: number },
): Promise<StoredReading[]> {
  const readings: StoredReading[] = [];
  for (const epoch of await readEpochs(queryable, producerId)) {
    if (readings.length >= most || (after !== undefined && epoch < after.epoch)) break;
    const beyond = epoch === after?.epoch ? after.seq : 0;
    const rows = await queryable.execute<{ seq: string; body: string }>(sql`
      select seq, body from readings where producer_id = ${producerId} and epoch = ${epoch} and seq > ${beyond}
      order by seq desc limit ${most - readings.length}`);
    for (const { seq, body } of rows) {
      const reading = storedSchema.parse(JSON.parse(`${body}}`));
      readings.push({ epoch, seq: Number(seq), reading, bytes: Buffer.byteLength(body) });
    }
  }
  return readings;
}

/** The epochs of which readings are stored, latest first: their names sort by when they began, byte by byte. */
async function readEpochs(queryable: Queryable, producerId: string): Promise<string[]> {
  const rows = await queryable.execute<{ epoch: string }>(sql`
    with recursive epochs as (
      (select epoch from readings where producer_id = ${producerId} order by epoch limit 1)
      union all
      select (
        select epoch from readings where producer_id = ${producerId} and epoch > epochs.epoch order by epoch limit 1
      ) from epochs where epochs.epoch is not null)
    select epoch from epochs where epoch is not null`);
  return rows
    .map(({ epoch }) => epoch)
    .sort()
    .reverse();
}
