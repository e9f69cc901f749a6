import type { RedisConnection } from './connection.ts';
import { asBytes, asList, asNumber, asText, callFunction } from './functions.ts';
import type { Keys } from './keys.ts';
import { type RetainedBatch, retainedBatch } from './numbered-batch.ts';
import type { Position } from './position.ts';
import { shardOf } from './shards.ts';

/** Consecutive readings of one epoch. */
export interface SeqRange {
  epoch: string;
  from: number;
  to: number;
}

/** What follows a position in a stream, as far as Redis has it. */
export interface StreamPart {
  /** `unknown`: Redis does not know the epoch. `beyond`: the epoch ended before the position, so numbering went back. */
  standing: 'known' | 'unknown' | 'beyond';
  /** Where the part begins: the position asked for, if it is known, otherwise the best place to go on from. */
  start: Position;
  head: Position;
  /** What follows `start` that Redis does not have any more; PostgreSQL may. */
  missing: SeqRange[];
  /** None while something is missing. The first may begin before `start`. A later one may begin a new epoch. */
  batches: RetainedBatch[];
  /** Whether the batches end at the head. */
  reachesHead: boolean;
}

/** The retained windows of streams, for those who come back. */
export class RetainedStreams {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly shardCount: number,
  ) {}

  /** What follows a position, oldest first: whole batches, ending with the one that reaches `maxBytes`. */
  async readAfter(producerId: string, { epoch, seq }: Position, maxBytes: number): Promise<StreamPart> {
    const shard = shardOf(producerId, this.shardCount);
    const args = [this.keys.shardPrefix(shard), producerId, epoch, seq, maxBytes];
    const reply = asList(await callFunction(this.redis, 'read', [this.keys.stream(shard, producerId)], args));
    const [standing, startEpoch, startSeq, headEpoch, headSeq, missing, list, reachesHead] = reply;
    const items = asList(list);
    const batches: RetainedBatch[] = [];
    for (let at = 0; at < items.length; at += 2) batches.push(retainedBatch(asText(items[at]), asBytes(items[at + 1])));
    return {
      standing: standingOf(asText(standing)),
      start: { epoch: asText(startEpoch), seq: asNumber(startSeq) },
      head: { epoch: asText(headEpoch), seq: asNumber(headSeq) },
      missing: asList(missing).map((range) => {
        const [of, from, to] = asList(range);
        return { epoch: asText(of), from: asNumber(from), to: asNumber(to) };
      }),
      batches,
      reachesHead: asText(reachesHead) === '1',
    };
  }
}

function standingOf(text: string): StreamPart['standing'] {
  if (text === 'known' || text === 'unknown' || text === 'beyond') return text;
  throw new TypeError(`Redis replied with an unexpected standing ${text}`);
}
