/** Where a stream stands on this gateway: the last `seq` that was passed on to its sockets. */
export interface Position {
  epoch: string;
  seq: number;
}

/** What a batch means for a stream that stands at a position. */
export type Arrival =
  /** It follows: pass it on. */
  | 'next'
  /** It was passed on before. */
  | 'known'
  /** A new life of the stream begins with it: tell the sockets, then pass it on. */
  | 'new-epoch'
  /** Something before it is missing. */
  | 'hole';

/** Compares a batch's first and last `seq` with where the stream stands. */
export function placeBatch(position: Position, batch: { epoch: string; firstSeq: number; count: number }): Arrival {
  if (batch.epoch !== position.epoch) return batch.firstSeq === 1 ? 'new-epoch' : 'hole';
  if (batch.firstSeq === position.seq + 1) return 'next';
  return batch.firstSeq + batch.count - 1 <= position.seq ? 'known' : 'hole';
}
