/** A batch of a stream with its numbers. */
export interface NumberedBatch {
  epoch: string;
  firstSeq: number;
  count: number;
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

/** Reads a batch's numbers as the Redis functions write them, `epoch:first:count`. */
export function numbersOf(text: string): Omit<NumberedBatch, 'batch'> {
  const [epoch = '', first, count] = text.split(':');
  return { epoch, firstSeq: Number(first), count: Number(count) };
}

/** Reads what an entry of a retained window says of its batch: when it was numbered, then its numbers. */
export function retainedBatch(entry: string, batch: Buffer): RetainedBatch {
  const end = entry.indexOf(':');
  return { ...numbersOf(entry.slice(end + 1)), retainedAtMs: Number(entry.slice(0, end)), batch };
}
