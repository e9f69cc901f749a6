import type { Queryable } from '@motience/database';
import type { DeliveredSpan, UsageReport } from '@motience/stream-log';
import { sql } from 'drizzle-orm';
import { type DeliveredRow, DeliveredRows, type SummedThrough } from './delivered-rows.ts';
import type { Meter } from './meter.ts';

interface Place {
  readonly consumerId: bigint;
  readonly producerId: bigint;
  readonly epoch: string;
}

/** Seqs of spans that lie close to each other. */
interface Stretch extends Place {
  readonly from: number;
  to: number;
}

/** Spans this far apart are looked up together. */
const closeBy = 100;

interface StoredRow extends Record<string, unknown> {
  consumer_id: string;
  producer_id: string;
  epoch: string;
  first_seq: string;
  last_seq: string;
  bytes_before: string;
  bytes_through: string;
  subscription_id: string;
  day: string;
}

const keyOf = ({ consumerId, producerId, epoch }: Place) => `${consumerId}/${producerId}/${epoch}`;

/** What was delivered before, around everything that is reported now, by consumer, producer and epoch. */
export class DeliveredTable {
  private constructor(private readonly parts: Map<string, { place: Place; rows: DeliveredRows }>) {}

  static async load(tx: Queryable, reports: readonly { meter: Meter; report: UsageReport }[]): Promise<DeliveredTable> {
    const stretches = stretchesOf(
      reports.flatMap(({ meter, report }) => {
        const { consumerId, producerId } = meter.facts;
        return report.spans.map(({ epoch, from, to }) => ({ consumerId, producerId, epoch, from, to }));
      }),
    );
    const stored = new Map<string, DeliveredRow[]>();
    for (const row of await loadRows(tx, stretches)) {
      const place = { consumerId: BigInt(row.consumer_id), producerId: BigInt(row.producer_id), epoch: row.epoch };
      const rows = stored.get(keyOf(place)) ?? [];
      stored.set(keyOf(place), rows);
      rows.push({
        firstSeq: Number(row.first_seq),
        lastSeq: Number(row.last_seq),
        bytesBefore: Number(row.bytes_before),
        bytesThrough: Number(row.bytes_through),
        subscriptionId: row.subscription_id,
        day: row.day,
      });
    }
    const places = new Map(stretches.map((place) => [keyOf(place), place]));
    const summed = await loadSummed(tx, [...places.values()]);
    const parts = [...places].map(([key, place]): [string, { place: Place; rows: DeliveredRows }] => [
      key,
      { place, rows: new DeliveredRows(stored.get(key) ?? [], summed.get(key)) },
    ]);
    return new DeliveredTable(new Map(parts));
  }

  /** Adds a span that was delivered to a meter's subscription; gives what of it is new. */
  add({ facts }: Meter, span: DeliveredSpan, day: string): { readings: bigint; bytes: bigint } {
    const part = this.parts.get(keyOf({ ...facts, epoch: span.epoch }));
    if (!part) throw new Error('rows around a span were not loaded');
    return part.rows.add(span, facts.subscriptionId, day);
  }

  /** Writes what has changed. */
  async store(tx: Queryable): Promise<void> {
    const removed: object[] = [];
    const written: object[] = [];
    for (const { place, rows } of this.parts.values()) {
      const own = { c: String(place.consumerId), p: String(place.producerId), e: place.epoch };
      const changes = rows.changes();
      for (const firstSeq of changes.removed) removed.push({ ...own, f: firstSeq });
      for (const { firstSeq, lastSeq, bytesBefore, bytesThrough, subscriptionId, day } of changes.written) {
        written.push({ ...own, f: firstSeq, l: lastSeq, b: bytesBefore, t: bytesThrough, s: subscriptionId, d: day });
      }
    }
    if (removed.length > 0) {
      await tx.execute(sql`
        delete from delivered_intervals i using json_to_recordset(${JSON.stringify(removed)}::json)
          as r(c bigint, p bigint, e text, f bigint)
        where (i.consumer_id, i.producer_id, i.epoch, i.first_seq) = (r.c, r.p, r.e, r.f)`);
    }
    if (written.length > 0) {
      await tx.execute(sql`
        insert into delivered_intervals
          (consumer_id, producer_id, epoch, first_seq, last_seq, bytes_before, bytes_through, subscription_id, day)
        select c, p, e, f, l, b, t, s, d from json_to_recordset(${JSON.stringify(written)}::json)
          as r(c bigint, p bigint, e text, f bigint, l bigint, b bigint, t bigint, s bigint, d date)
        on conflict (consumer_id, producer_id, epoch, first_seq)
        do update set last_seq = excluded.last_seq, bytes_through = excluded.bytes_through`);
    }
  }
}

function stretchesOf(spans: readonly Stretch[]): Stretch[] {
  const stretches: Stretch[] = [];
  const order = (one: Stretch, other: Stretch) =>
    one.epoch < other.epoch ? -1 : one.epoch > other.epoch ? 1 : one.from - other.from;
  const last = new Map<string, Stretch>();
  for (const span of spans.toSorted(order)) {
    const before = last.get(keyOf(span));
    if (before && span.from <= before.to + closeBy) {
      before.to = Math.max(before.to, span.to);
      continue;
    }
    const stretch = { ...span };
    stretches.push(stretch);
    last.set(keyOf(span), stretch);
  }
  return stretches;
}

/** Up to where what was delivered is kept as sums, by place. */
async function loadSummed(tx: Queryable, places: readonly Place[]): Promise<Map<string, SummedThrough>> {
  if (places.length === 0) return new Map();
  const wanted = places.map(({ consumerId, producerId, epoch }) => ({
    c: String(consumerId),
    p: String(producerId),
    e: epoch,
  }));
  const rows = await tx.execute<Record<'c' | 'p' | 'e' | 'last_seq' | 'bytes_through', string>>(sql`
    select w.c::text, w.p::text, w.e, s.last_seq::text, s.bytes_through::text
    from json_to_recordset(${JSON.stringify(wanted)}::json) as w(c bigint, p bigint, e text)
    cross join lateral (
      select last_seq, bytes_through from delivered_sums s
      where (s.consumer_id, s.producer_id, s.epoch) = (w.c, w.p, w.e) order by last_seq desc limit 1
    ) s`);
  return new Map(
    rows.map(({ c, p, e, last_seq, bytes_through }) => [
      keyOf({ consumerId: BigInt(c), producerId: BigInt(p), epoch: e }),
      { seq: Number(last_seq), bytesThrough: Number(bytes_through) },
    ]),
  );
}

/** Rows that overlap or touch a stretch: from the last one that begins before it. None is there twice. */
async function loadRows(tx: Queryable, stretches: readonly Stretch[]): Promise<StoredRow[]> {
  if (stretches.length === 0) return [];
  const wanted = stretches.map(({ consumerId, producerId, epoch, from, to }) => ({
    c: String(consumerId),
    p: String(producerId),
    e: epoch,
    f: from,
    t: to,
  }));
  return tx.execute<StoredRow>(sql`
    select distinct i.consumer_id, i.producer_id, i.epoch, i.first_seq, i.last_seq, i.bytes_before, i.bytes_through,
      i.subscription_id, i.day::text as day
    from json_to_recordset(${JSON.stringify(wanted)}::json) as w(c bigint, p bigint, e text, f bigint, t bigint)
    cross join lateral (
      select coalesce(max(b.first_seq), 0) as first_seq from delivered_intervals b
      where (b.consumer_id, b.producer_id, b.epoch) = (w.c, w.p, w.e) and b.first_seq < w.f
    ) before
    -- Looked up for each stretch, and never joined with the table as a whole.
    cross join lateral (
      select * from delivered_intervals i
      where (i.consumer_id, i.producer_id, i.epoch) = (w.c, w.p, w.e)
        and i.first_seq between before.first_seq and w.t + 1
      order by i.first_seq offset 0
    ) i`);
}
