import postgres from 'postgres';
import { z } from 'zod';
import type { ReadingPlace } from './checker/reading-place.ts';
import { StoredStream } from './checker/stored-stream.ts';
import { bodyChecksum } from './clients/read-frame.ts';

const rowsPerFetch = 5_000;
const bodySchema = z.object({ sequence: z.int() });

/** What PostgreSQL holds of a producer's stream. */
export async function readStored(url: string, producerId: string): Promise<StoredStream> {
  const sql = postgres(url, { max: 1 });
  const places: ReadingPlace[] = [];
  try {
    const rows = sql<{ epoch: string; seq: string; device_id: string; body: string }[]>`
      select epoch, seq, device_id, body from readings where producer_id = ${producerId} order by epoch, seq`;
    for await (const some of rows.cursor(rowsPerFetch)) {
      for (const { epoch, seq, device_id: deviceId, body } of some) {
        const { sequence } = bodySchema.parse(JSON.parse(`${body}}`));
        places.push({ epoch, seq: Number(seq), deviceId, sequence, checksum: bodyChecksum(body) });
      }
    }
  } finally {
    await sql.end();
  }
  return new StoredStream(places);
}

/** How many readings PostgreSQL holds; undefined while it does not answer. */
export async function countStored(sql: postgres.Sql): Promise<number | undefined> {
  const [row] = await sql<{ count: string }[]>`select count(*) from readings`.catch(() => []);
  return row && Number(row.count);
}
