import type { Database } from '@motience/database';

/** One life of a stream's numbering, and the next one that Redis knows. */
export interface StreamEpoch {
  producerId: string;
  epoch: string;
  nextEpoch: string;
}

/** The last seq of an epoch that PostgreSQL holds, 0 if it holds none; and the first epoch it has before the next. */
export interface HistoryEnd {
  last: number;
  between: string | undefined;
}

/** Where PostgreSQL's readings of each of these epochs end, in the same order. */
export async function findHistoryEnds(sql: Database['sql'], epochs: readonly StreamEpoch[]): Promise<HistoryEnd[]> {
  const producerIds = epochs.map(({ producerId }) => producerId);
  const names = epochs.map(({ epoch }) => epoch);
  const nextNames = epochs.map(({ nextEpoch }) => nextEpoch);
  // Names of epochs sort by when they began.
  const rows = await sql<{ last: string | null; epoch_between: string | null }[]>`
    select (
      select max(seq) from readings where readings.producer_id = asked.producer_id and readings.epoch = asked.epoch
    ) as last, (
      select min(epoch) from readings
      where readings.producer_id = asked.producer_id and readings.epoch > asked.epoch and readings.epoch < asked.next
    ) as epoch_between
    from unnest(${producerIds}::bigint[], ${names}::text[], ${nextNames}::text[])
      with ordinality as asked (producer_id, epoch, next, place)
    order by place`;
  return rows.map(({ last, epoch_between }) => ({ last: Number(last ?? 0), between: epoch_between ?? undefined }));
}
