import type { DeliveredSpan } from '@motience/stream-log';

/** An interval of seq as `delivered_intervals` has it, both ends included. */
export interface DeliveredRow {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The epoch's running totals of bytes before the first and through the last. */
  readonly bytesBefore: number;
  readonly bytesThrough: number;
  /** What it counts for. */
  readonly subscriptionId: string;
  readonly day: string;
}

/** Everything through this seq counts as delivered: readings that are kept by nobody, of which only sums are known. */
export interface SummedThrough {
  readonly seq: number;
  readonly bytesThrough: number;
}

/** What was delivered for the first time. */
export interface NewDelivery {
  readonly readings: bigint;
  readonly bytes: bigint;
}

export interface RowChanges {
  /** `firstSeq` of rows that became part of others. */
  readonly removed: readonly number[];
  readonly written: readonly DeliveredRow[];
}

/**
 * What one consumer got of one epoch of a stream, as far as it lies around the spans that are about to be added: rows in
 * ascending order that do not overlap, and of which two that touch count for different subscriptions or days.
 */
export class DeliveredRows {
  private rows: DeliveredRow[];
  /** Stands for the sums; is never written. */
  private readonly through: DeliveredRow | undefined;
  private readonly stored: ReadonlyMap<number, DeliveredRow>;

  constructor(stored: readonly DeliveredRow[], summed?: SummedThrough) {
    this.rows = stored.toSorted((a, b) => a.firstSeq - b.firstSeq);
    this.through = summed && {
      firstSeq: 1,
      lastSeq: summed.seq,
      bytesBefore: 0,
      bytesThrough: summed.bytesThrough,
      subscriptionId: '',
      day: '',
    };
    // All that is stored lies beyond it.
    if (this.through) this.rows.unshift(this.through);
    this.stored = new Map(stored.map((row) => [row.firstSeq, row]));
  }

  /** Adds a span. What of it is new counts for that subscription and day; whatever was there before is not touched. */
  add(span: DeliveredSpan, subscriptionId: string, day: string): NewDelivery {
    const start = this.indexFrom(span.from - 1);
    let readings = 0n;
    let bytes = 0n;
    const kept: DeliveredRow[] = [];
    let end = start;
    let next = span.from;
    let bytesBefore = span.bytesBefore;
    const addPiece = (lastSeq: number, bytesThrough: number) => {
      if (lastSeq < next) return;
      readings += BigInt(lastSeq) - BigInt(next) + 1n;
      // Totals of one epoch only grow; if a reporter says otherwise, nothing is charged for it.
      const through = Math.max(bytesBefore, bytesThrough);
      bytes += BigInt(through - bytesBefore);
      kept.push({ firstSeq: next, lastSeq, bytesBefore, bytesThrough: through, subscriptionId, day });
    };
    for (; end < this.rows.length; end += 1) {
      const row = this.rows[end];
      if (!row || row.firstSeq > span.to + 1) break;
      addPiece(Math.min(row.firstSeq - 1, span.to), row.firstSeq > span.to ? span.bytesThrough : row.bytesBefore);
      kept.push(row);
      if (row.lastSeq + 1 > next) {
        next = row.lastSeq + 1;
        bytesBefore = row.bytesThrough;
      }
    }
    addPiece(span.to, span.bytesThrough);
    this.rows.splice(start, end - start, ...joinTouching(kept));
    return { readings, bytes };
  }

  /** What has to be written, so that the table has these rows. */
  changes(): RowChanges {
    const firsts = new Set(this.rows.map(({ firstSeq }) => firstSeq));
    return {
      removed: [...this.stored.keys()].filter((firstSeq) => !firsts.has(firstSeq)),
      written: this.rows.filter((row) => row !== this.through && this.stored.get(row.firstSeq) !== row),
    };
  }

  /** Index of the first row that ends at `seq` or after it. */
  private indexFrom(seq: number): number {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.rows[middle]?.lastSeq ?? seq) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function joinTouching(rows: readonly DeliveredRow[]): DeliveredRow[] {
  const joined: DeliveredRow[] = [];
  for (const row of rows) {
    const last = joined.at(-1);
    const touches =
      last && last.lastSeq + 1 === row.firstSeq && last.subscriptionId === row.subscriptionId && last.day === row.day;
    if (touches) joined[joined.length - 1] = { ...last, lastSeq: row.lastSeq, bytesThrough: row.bytesThrough };
    else joined.push(row);
  }
  return joined;
}
