import type { DeliveredSpan } from '@motience/stream-log';

/** How much went out, counted from when counting began. */
export interface Totals {
  readonly readings: number;
  readonly bytes: number;
}

/** Readings that follow each other in an epoch, and how much had gone out before them. */
interface Run extends DeliveredSpan {
  readonly startsAt: Totals;
}

/**
 * What went out to all who receive the same: as intervals of `seq`, found again by how much had gone out. Adding readings
 * that follow the last ones costs next to nothing.
 */
export class DeliveredLog {
  private runs: Run[] = [];
  private readings = 0;
  private bytes = 0;

  get totals(): Totals {
    return { readings: this.readings, bytes: this.bytes };
  }

  get readingCount(): number {
    return this.readings;
  }

  get byteCount(): number {
    return this.bytes;
  }

  /** How many intervals it holds. */
  get size(): number {
    return this.runs.length;
  }

  /** Readings `from` … `to` of an epoch went out, with its running totals of bytes around them. */
  add(epoch: string, from: number, to: number, bytesBefore: number, bytesThrough: number): void {
    const last = this.runs.at(-1);
    if (last?.to === from - 1 && last.epoch === epoch && last.bytesThrough === bytesBefore) {
      last.to = to;
      last.bytesThrough = bytesThrough;
    } else {
      this.runs.push({ epoch, from, to, bytesBefore, bytesThrough, startsAt: this.totals });
    }
    this.readings += to - from + 1;
    this.bytes += bytesThrough - bytesBefore;
  }

  /** What went out between two of its former totals. */
  between(after: Totals, through: Totals): DeliveredSpan[] {
    const spans: DeliveredSpan[] = [];
    for (let at = this.firstAfter(after); at < this.runs.length; at += 1) {
      const run = this.runs[at];
      if (!run || run.startsAt.readings >= through.readings) break;
      const { epoch, from, bytesBefore, startsAt } = run;
      const skipped = Math.max(0, after.readings - startsAt.readings);
      const count = Math.min(run.to - from + 1, through.readings - startsAt.readings);
      spans.push({
        epoch,
        from: from + skipped,
        to: from + count - 1,
        bytesBefore: skipped > 0 ? bytesBefore + after.bytes - startsAt.bytes : bytesBefore,
        bytesThrough: from + count - 1 === run.to ? run.bytesThrough : bytesBefore + through.bytes - startsAt.bytes,
      });
    }
    return spans;
  }

  /** Forgets what went out before, except the last interval, which may go on. */
  forget(before: Totals): void {
    const first = Math.min(this.firstAfter(before), this.runs.length - 1);
    if (first > 0) this.runs.splice(0, first);
  }

  /** Index of the first interval of which something went out after these totals. */
  private firstAfter({ readings }: Totals): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.runs[middle];
      if (run && run.startsAt.readings + run.to - run.from + 1 <= readings) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
