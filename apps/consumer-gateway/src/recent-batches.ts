import type { NumberedBatch } from '@motience/stream-log';

/** The last batches of a stream, up to a number of bytes: the oldest are forgotten. */
export class RecentBatches<Batch extends NumberedBatch> {
  private batches: Batch[] = [];
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  get all(): readonly Batch[] {
    return this.batches;
  }

  /** Copies the batch, which is a view into all that came from Redis with it. */
  add(batch: Batch): void {
    this.batches.push({ ...batch, batch: Buffer.from(batch.batch) });
    this.bytes += batch.batch.length;
    while (this.bytes > this.maxBytes) this.bytes -= this.batches.shift()?.batch.length ?? 0;
  }

  /** Gives up and returns all. */
  take(): Batch[] {
    const { batches } = this;
    this.batches = [];
    this.bytes = 0;
    return batches;
  }
}
