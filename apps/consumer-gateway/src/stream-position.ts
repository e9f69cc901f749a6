import { lastSeq, type NumberedBatch, type Position } from '@motience/stream-log';

/** What a batch means for a stream that stands at a position. */
export type Arrival =
  /** It follows: pass it on. */
  | 'next'
  /** It was passed on before. */
  | 'known'
  /** Something before it is missing, be it only that a new epoch has begun. */
  | 'hole';

/** Compares a batch's numbers with where the stream stands. */
export function placeBatch(position: Position, batch: Pick<NumberedBatch, 'epoch' | 'firstSeq' | 'count'>): Arrival {
  if (batch.epoch !== position.epoch) return 'hole';
  if (batch.firstSeq === position.seq + 1) return 'next';
  return batch.firstSeq + batch.count - 1 <= position.seq ? 'known' : 'hole';
}

/** How one that stands at a position of its own joins a stream. */
export type Bridge =
  /** With these batches, the stream's last ones, it stands where the stream does. */
  | { type: 'join'; batches: NumberedBatch[] }
  /** It is further than the stream, which has not been given the last batches yet. */
  | { type: 'ahead' }
  /** More is missing than the stream remembers. */
  | { type: 'behind' };

/** Compares a position with where a stream stands, and with the last batches that the stream was given. */
export function bridgeTo(stream: Position, recent: readonly NumberedBatch[], own: Position): Bridge {
  if (own.epoch !== stream.epoch) return { type: 'ahead' };
  if (own.seq > stream.seq) return { type: 'ahead' };
  if (own.seq === stream.seq) return { type: 'join', batches: [] };
  const batches = recent.filter((batch) => batch.epoch === own.epoch && lastSeq(batch) > own.seq);
  const first = batches[0];
  return first && first.firstSeq <= own.seq + 1 ? { type: 'join', batches } : { type: 'behind' };
}
