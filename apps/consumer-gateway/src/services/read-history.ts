import type { Database } from '@motience/database';
import { batchOfText, lastSeq, type RetainedBatch } from '@motience/stream-log';

/** Which readings of a stream: `from` … `to`, both included, at most `limit` of them and `maxBytes` of text. */
export interface HistoryRange {
  producerId: string;
  epoch: string;
  from: number;
  to: number;
  limit: number;
  maxBytes: number;
}

/** Readings by whose size it is decided how many are looked at. */
const sampleSize = 10;

/**
 * Reads past readings from PostgreSQL, ascending by `seq`; those it does not hold are left out. Consecutive ones that
 * were numbered at one time are a batch. The answer ends early, after `limit` readings, with the one that reaches
 * `maxBytes` of text, or before: read on after its last one, until an answer is empty.
 */
export async function readHistory(sql: Database['sql'], range: HistoryRange): Promise<RetainedBatch[]> {
  const batches = await readBatches(sql, range);
  // The clock went back: readings of one time have others between them, before which the answer ends.
  const mixed = batches.findIndex(
    (batch, at) => lastSeq(batch) >= (batches[at + 1]?.firstSeq ?? Number.POSITIVE_INFINITY),
  );
  if (mixed !== 0) return mixed < 0 ? batches : batches.slice(0, mixed);
  const [, next] = batches;
  return next ? readHistory(sql, { ...range, to: next.firstSeq - 1 }) : batches;
}

async function readBatches(
  sql: Database['sql'],
  { producerId, epoch, from, to, limit, maxBytes }: HistoryRange,
): Promise<RetainedBatch[]> {
  const inRange = sql`producer_id = ${producerId} and epoch = ${epoch} and seq between ${from} and ${to}`;
  // As few rows as there are batches, and those as text: the driver is slow with rows, and takes bytes as digits. It is
  // told by the first ones how many will do, because it reads all up to a limit before it knows how large they are.
  const rows = await sql<
    { first_seq: string; bytes_before: string | null; numbered_at_ms: number; text: string; lengths: string }[]
  >`
    select min(seq) as first_seq, min(bytes_before) as bytes_before,
           floor(extract(epoch from received_at) * 1000)::float8 as numbered_at_ms,
           string_agg(' ' || device_id || '    ' || body, '' order by seq) as text,
           string_agg(octet_length(device_id) || ' ' || octet_length(body), ' ' order by seq) as lengths
    from (
      select seq, device_id, body, bytes_before, received_at,
             sum(octet_length(body)) over in_order as bytes_through, row_number() over in_order as place
      from readings
      where ${inRange}
      window in_order as (order by seq rows unbounded preceding)
      order by seq
      limit (
        select least(${limit}, 1 + ${maxBytes} / avg(octet_length(body)))::int
        from (select body from readings where ${inRange} order by seq limit ${sampleSize}) first_ones
      )
    ) placed
    where bytes_through - octet_length(body) < ${maxBytes}
    group by received_at, seq - place, bytes_before is null
    order by first_seq`;
  return rows.map(({ first_seq, bytes_before, numbered_at_ms, text, lengths }) => {
    const { batch, count, bodyBytes } = batchOfText(text, lengths.split(' ').map(Number));
    const bytesBefore = Number(bytes_before ?? 0);
    return {
      epoch,
      firstSeq: Number(first_seq),
      count,
      bytesBefore,
      // Readings that were stored before there was a total count no bytes.
      bytesThrough: bytes_before === null ? 0 : bytesBefore + bodyBytes,
      retainedAtMs: numbered_at_ms,
      batch,
    };
  });
}
