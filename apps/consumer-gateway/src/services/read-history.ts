import type { Database } from '@motience/database';

/** Which readings of a stream: `from` … `to`, both included, at most `limit` of them. */
export interface HistoryRange {
  producerId: string;
  epoch: string;
  from: number;
  to: number;
  limit: number;
}

export interface PastReading {
  seq: number;
  deviceId: string;
  /** The reading's text up to where its `seq` goes, byte for byte as it was live. */
  body: string;
  /** Bytes of the bodies of all readings of the epoch before it; undefined where that was not kept. */
  bytesBefore: number | undefined;
  /** When it was numbered, in ms since 1970. */
  receivedAtMs: number;
}

/** An answer is larger only if its first reading alone is. */
const defaultMaxBytes = 2 ** 20;

/**
 * Reads past readings from PostgreSQL, ascending by `seq`; those it does not hold are left out. The answer ends early
 * after `limit` readings or `maxBytes` of text: read on after its last one, until an answer is empty.
 */
export async function readHistory(
  sql: Database['sql'],
  { producerId, epoch, from, to, limit }: HistoryRange,
  maxBytes = defaultMaxBytes,
): Promise<PastReading[]> {
  const rows = await sql<
    { seq: string; device_id: string; body: string; bytes_before: string | null; received_at_ms: number }[]
  >`
    select seq, device_id, body, bytes_before, floor(extract(epoch from received_at) * 1000)::float8 as received_at_ms
    from (
      select *, sum(octet_length(body)) over (order by seq rows unbounded preceding) as bytes,
             row_number() over (order by seq rows unbounded preceding) as place
      from readings
      where producer_id = ${producerId} and epoch = ${epoch} and seq between ${from} and ${to}
      order by seq
      limit ${limit}
    ) in_order
    where bytes <= ${maxBytes} or place = 1
    order by seq`;
  return rows.map(({ seq, device_id: deviceId, body, bytes_before: bytesBefore, received_at_ms: receivedAtMs }) => ({
    seq: Number(seq),
    deviceId,
    body,
    bytesBefore: bytesBefore === null ? undefined : Number(bytesBefore),
    receivedAtMs,
  }));
}
