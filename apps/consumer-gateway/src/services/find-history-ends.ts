import type { Database } from '@motience/database';

/** One life of a stream's numbering. */
export interface StreamEpoch {
  producerId: string;
  epoch: string;
}

/** The last seq of each of these that PostgreSQL holds, in the same order; 0 where it holds none. */
export async function findHistoryEnds(sql: Database['sql'], epochs: readonly StreamEpoch[]): Promise<number[]> {
  const producerIds = epochs.map(({ producerId }) => producerId);
  const names = epochs.map(({ epoch }) => epoch);
  const rows = await sql<{ last: string | null }[]>`
    select (
      select max(seq) from readings where readings.producer_id = asked.producer_id and readings.epoch = asked.epoch
    ) as last
    from unnest(${producerIds}::bigint[], ${names}::text[]) with ordinality as asked (producer_id, epoch, place)
    order by place`;
  return rows.map(({ last }) => Number(last ?? 0));
}
