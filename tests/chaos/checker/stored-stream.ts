import type { ReadingPlace } from './reading-place.ts';

/** What PostgreSQL holds of one stream, to be looked up by place. */
export class StoredStream {
  private readonly epochs = new Map<string, Map<number, ReadingPlace>>();

  constructor(rows: Iterable<ReadingPlace>) {
    for (const row of rows) {
      const epoch = this.epochs.get(row.epoch);
      if (epoch) epoch.set(row.seq, row);
      else this.epochs.set(row.epoch, new Map([[row.seq, row]]));
    }
  }

  at(epoch: string, seq: number): ReadingPlace | undefined {
    return this.epochs.get(epoch)?.get(seq);
  }

  /** The readings of one epoch between two numbers, both included. */
  *between(epoch: string, from: number, to: number): Iterable<ReadingPlace> {
    for (const row of this.epochs.get(epoch)?.values() ?? []) {
      if (row.seq >= from && row.seq <= to) yield row;
    }
  }

  /** All readings: epochs in the order given, then those not named there; within one, by number. */
  *inOrder(epochOrder: readonly string[]): Iterable<ReadingPlace> {
    const names = new Set([...epochOrder, ...this.epochs.keys()]);
    for (const name of names) {
      const rows = [...(this.epochs.get(name)?.values() ?? [])];
      yield* rows.sort((one, other) => one.seq - other.seq);
    }
  }
}
