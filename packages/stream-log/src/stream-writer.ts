import type { RedisConnection } from './connection.ts';
import { maxFlushBytes } from './flush-bounds.ts';
import { asBytes, asList, asNumber, asText, callFunction } from './functions.ts';
import type { Keys } from './keys.ts';
import { lastSeq, type RetainedBatch, retainedBatch } from './numbered-batch.ts';

/** How much of each stream Redis keeps for those who come back. */
export interface RetentionBounds {
  readings: number;
  bytes: number;
  ageMs: number;
  /** Of all streams of a shard together. */
  shardBytes: number;
  /** Whether readings go to PostgreSQL; what is not there yet is never trimmed. */
  persist: boolean;
}

/** Consecutive readings of one stream that are not in PostgreSQL yet. */
export interface UnpersistedRange {
  producerId: string;
  epoch: string;
  from: number;
  to: number;
  batches: RetainedBatch[];
}

/** What one call of `apply` did. */
export interface Applied {
  entries: number;
  readings: number;
  bytes: number;
  /** Whether it ended at one of its bounds, so that more may be waiting. */
  endedEarly: boolean;
  /** Bytes of the shard that PostgreSQL does not have yet. */
  unpersistedBytes: number;
}

/** What one call may publish; Redis does nothing else meanwhile. */
const maxApplyBytes = 2 * maxFlushBytes;

/** Streams as the data stream manager writes them. */
export class StreamWriter {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly bounds: RetentionBounds,
    /** Whether flushes are applied by the call that stores them, from the first `apply` of their shard on. */
    private readonly applyAtOnce = false,
  ) {}

  /**
   * Numbers, retains and publishes the oldest entries of a shard's ingest log in one atomic step: none after `maxBatches`
   * or `maxBytes`; an entry has a batch for each connection of its flush. Every entry is applied exactly once, whoever
   * calls and whatever happens to the reply.
   */
  async apply(shard: number, maxBatches: number, maxBytes = maxApplyBytes): Promise<Applied> {
    const { keys } = this;
    const [entries, readings, bytes, endedEarly, unpersistedBytes] = asList(
      await callFunction(
        this.redis,
        'apply',
        [keys.ingest(shard), keys.shard(shard), keys.unpersisted(shard)],
        [keys.shardPrefix(shard), maxBatches, maxBytes, ...this.boundsArgs(), this.applyAtOnce ? '1' : '0'],
      ),
    );
    return {
      entries: asNumber(entries),
      readings: asNumber(readings),
      bytes: asNumber(bytes),
      endedEarly: asText(endedEarly) === '1',
      unpersistedBytes: asNumber(unpersistedBytes),
    };
  }

  /** Readings of a shard that PostgreSQL does not have yet, up to about `maxBytes`. */
  async unpersisted(shard: number, maxStreams: number, maxBytes: number): Promise<UnpersistedRange[]> {
    const { keys } = this;
    const args = [keys.shardPrefix(shard), maxStreams, maxBytes];
    const reply = asList(await callFunction(this.redis, 'unpersisted', [keys.unpersisted(shard)], args));
    return reply.flatMap((stream) => {
      const [producer, list] = asList(stream);
      const items = asList(list);
      const batches: RetainedBatch[] = [];
      for (let at = 0; at < items.length; at += 2) {
        batches.push(retainedBatch(asText(items[at]), asBytes(items[at + 1])));
      }
      return rangesOf(asText(producer), batches);
    });
  }

  /** Notes that these ranges are in PostgreSQL, and trims their streams. Noting one twice is harmless. */
  async notePersisted(shard: number, ranges: readonly UnpersistedRange[]): Promise<void> {
    const { keys } = this;
    const args: (string | number)[] = [keys.shardPrefix(shard), ...this.boundsArgs()];
    for (const { producerId, epoch, from, to, batches } of ranges) {
      args.push(
        producerId,
        epoch,
        from,
        to,
        batches.reduce((bytes, { batch }) => bytes + batch.length, 0),
      );
    }
    const rest = await callFunction(this.redis, 'persisted', [keys.shard(shard), keys.unpersisted(shard)], args);
    await this.trimStreams(shard, asList(rest).map(asText));
  }

  /** Gives up the backlog for PostgreSQL, when persistence is turned off. */
  async forgetUnpersisted(shard: number): Promise<void> {
    const { keys } = this;
    await callFunction(this.redis, 'forget', [keys.shard(shard), keys.unpersisted(shard)], [keys.shardPrefix(shard)]);
  }

  /** Trims the retained windows of a shard's streams, quiet ones included. */
  async trim(shard: number): Promise<void> {
    const { keys } = this;
    let cursor = '0';
    do {
      const [next, producers] = await this.redis.sscan(keys.streams(shard), cursor, 'COUNT', 200);
      cursor = next;
      await this.trimStreams(shard, producers);
    } while (cursor !== '0');
  }

  /** Some at a time: Redis does nothing else meanwhile. */
  private async trimStreams(shard: number, producers: readonly string[]): Promise<void> {
    const { keys } = this;
    let rest = producers;
    while (rest.length > 0) {
      const args = [keys.shardPrefix(shard), ...this.boundsArgs(), ...rest];
      rest = asList(await callFunction(this.redis, 'trim', [keys.streams(shard)], args)).map(asText);
    }
  }

  private boundsArgs(): (string | number)[] {
    const { readings, bytes, ageMs, shardBytes, persist } = this.bounds;
    return [readings, bytes, ageMs, Math.floor(shardBytes), persist ? '1' : '0'];
  }
}

/** Consecutive batches of a stream as ranges, one for each epoch. */
function rangesOf(producerId: string, batches: readonly RetainedBatch[]): UnpersistedRange[] {
  const ranges: UnpersistedRange[] = [];
  for (const batch of batches) {
    const range = ranges.at(-1);
    if (range?.epoch === batch.epoch) {
      range.batches.push(batch);
      range.to = lastSeq(batch);
    } else {
      const { epoch, firstSeq } = batch;
      ranges.push({ producerId, epoch, from: firstSeq, to: lastSeq(batch), batches: [batch] });
    }
  }
  return ranges;
}
