/** A batch of a stream with its numbers. */
export interface NumberedBatch {
  epoch: string;
  firstSeq: number;
  count: number;
  /** Running total of the bodies' bytes of the epoch, before the first reading and through the last one. */
  bytesBefore: number;
  bytesThrough: number;
  /** The readings; see batch.ts. */
  batch: Buffer;
}

/** A batch that Redis retains. */
export interface RetainedBatch extends NumberedBatch {
  /** When it was numbered, in ms since 1970 by the clock of Redis. */
  retainedAtMs: number;
}

/** The last seq in a batch. */
export function lastSeq({ firstSeq, count }: NumberedBatch): number {
  return firstSeq + count - 1;
}

/**
 * Reads a batch's numbers as the Redis functions write them, `epoch:first:count:before:through`. One that was numbered
 * before totals were kept has none: it counts no bytes.
 */
export function numbersOf(text: string): Omit<NumberedBatch, 'batch'> {
  const [epoch = '', first, count, before = 0, through = 0] = text.split(':');
  return {
    epoch,
    firstSeq: Number(first),
    count: Number(count),
    bytesBefore: Number(before),
    bytesThrough: Number(through),
  };
}

/** Reads what an entry of a retained window says of its batch: when it was numbered, then its numbers. */
export function retainedBatch(entry: string, batch: Buffer): RetainedBatch {
  const end = entry.indexOf(':');
  return { ...numbersOf(entry.slice(end + 1)), retainedAtMs: Number(entry.slice(0, end)), batch };
}
