import type postgres from 'postgres';
import type { CountedSpan } from './checker/check-counted.ts';

/** What the platform's books say of a consumer; money in millionths. */
export interface ConsumerBooks {
  /** What was counted, by producer. */
  spans: Map<string, CountedSpan[]>;
  subscriptions: number;
  /** Paid in, charged for use, and what is there now, holds included. */
  paidIn: number;
  charged: number;
  left: number;
  /** Readings that were free: in the trial, or because there was no money for them. */
  freeReadings: number;
}

export async function readBooks(sql: postgres.Sql, consumerId: string): Promise<ConsumerBooks> {
  const spans = new Map<string, CountedSpan[]>();
  const rows = await sql<{ producer_id: string; epoch: string; first_seq: string; last_seq: string }[]>`
    select producer_id, epoch, first_seq, last_seq from delivered_intervals where consumer_id = ${consumerId}`;
  for (const { producer_id, epoch, first_seq, last_seq } of rows) {
    const ofProducer = spans.get(producer_id) ?? [];
    spans.set(producer_id, ofProducer);
    ofProducer.push({ epoch, from: Number(first_seq), to: Number(last_seq) });
  }
  const [sums] = await sql<Record<'subscriptions' | 'paid_in' | 'charged' | 'left' | 'free', string>[]>`
    select
      (select count(*) from subscriptions where consumer_id = ${consumerId}) as subscriptions,
      (select coalesce(sum(amount), 0) from top_ups where account_id = ${consumerId} and status = 'paid') as paid_in,
      (select coalesce(sum(balance), 0) from ledger_accounts where owner_id = ${consumerId}) as left,
      coalesce(sum(charged), 0) as charged, coalesce(sum(trial_readings), 0) as free
    from subscription_days join subscriptions on id = subscription_id where consumer_id = ${consumerId}`;
  return {
    spans,
    subscriptions: Number(sums?.subscriptions),
    paidIn: Number(sums?.paid_in),
    charged: Number(sums?.charged),
    left: Number(sums?.left),
    freeReadings: Number(sums?.free),
  };
}

/** How many readings are counted for these consumers together; undefined while PostgreSQL does not answer. */
export async function countCounted(sql: postgres.Sql, consumerIds: readonly string[]): Promise<number | undefined> {
  const [row] = await sql<{ count: string }[]>`
    select coalesce(sum(last_seq - first_seq + 1), 0) as count from delivered_intervals
    where consumer_id in ${sql(consumerIds)}`.catch(() => []);
  return row && Number(row.count);
}

/** Of some readings, how many were received while the consumer had a subscription. By the clocks that wrote both down. */
export async function countEntitled(
  sql: postgres.Sql,
  consumerId: string,
  producerId: string,
  spans: readonly CountedSpan[],
): Promise<number> {
  const gaps = sql.json(spans.map(({ epoch, from, to }) => [epoch, from, to]));
  const [row] = await sql<{ count: string }[]>`
    select count(*) from readings r
    where producer_id = ${producerId}
      and exists (
        select from jsonb_array_elements(${gaps}::jsonb) gap
        where r.epoch = gap->>0 and r.seq between (gap->>1)::bigint and (gap->>2)::bigint)
      and exists (
        select from subscriptions s
        where consumer_id = ${consumerId} and producer_id = ${producerId}
          and received_at >= s.created_at + interval '1 ms'
          and received_at < coalesce(s.ended_at, 'infinity') - interval '1 ms')`;
  return Number(row?.count);
}
