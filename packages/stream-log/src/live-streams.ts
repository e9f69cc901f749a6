import type { RedisConnection } from './connection.ts';
import { asList, asNumber, asText, callFunction } from './functions.ts';
import type { Keys } from './keys.ts';
import { type NumberedBatch, numbersOf } from './numbered-batch.ts';
import type { Position } from './position.ts';
import { shardOf } from './shards.ts';
import type { Subscriber } from './subscriber.ts';

/** A batch of a stream as it was published. */
export interface LiveBatch extends NumberedBatch {
  producerId: string;
}

/** What one call may ask for; Redis does nothing else meanwhile. */
const headsPerCall = 500;

/** Streams as a consumer gateway reads them, over one connection for commands and the channels they are published on. */
export class LiveStreams {
  private onBatch: (batch: LiveBatch) => void = () => {};
  private onBack: (producerId: string) => void = () => {};

  constructor(
    private readonly redis: RedisConnection,
    private readonly subscriber: Subscriber,
    private readonly keys: Keys,
    private readonly shardCount: number,
  ) {}

  /**
   * Calls `onBatch` for each batch published on the streams that are followed, in order per stream, and `onBack` when a
   * stream is heard again after some may have been missed.
   */
  listen(onBatch: (batch: LiveBatch) => void, onBack: (producerId: string) => void): void {
    this.onBatch = onBatch;
    this.onBack = onBack;
  }

  /** Begins to follow a stream; batches published after this resolves reach the listener. */
  async follow(producerId: string): Promise<void> {
    await this.subscriber.subscribe(this.channel(producerId), {
      onMessage: (message) => this.onBatch(readLiveBatch(producerId, message)),
      onBack: () => this.onBack(producerId),
    });
  }

  /** Stops following a stream. */
  unfollow(producerId: string): void {
    this.subscriber.unsubscribe(this.channel(producerId));
  }

  /** Where a stream stands now; one that nobody sent to yet begins its life at 0. */
  async head(producerId: string): Promise<Position> {
    const [head] = await this.askForHeads(shardOf(producerId, this.shardCount), [producerId]);
    if (!head) throw new TypeError('Redis replied with no head of a stream');
    return head;
  }

  /**
   * Where many streams stand now, asked with one call to Redis for some hundreds of a shard. Each call has its own answer,
   * a head for each of its streams in turn, since a master of a cluster that is away holds up only the streams it has.
   */
  heads(producerIds: Iterable<string>): { producerIds: string[]; heads: Promise<Position[]> }[] {
    const byShard = new Map<number, string[]>();
    for (const producerId of producerIds) {
      const shard = shardOf(producerId, this.shardCount);
      const ofShard = byShard.get(shard);
      if (ofShard) ofShard.push(producerId);
      else byShard.set(shard, [producerId]);
    }
    return [...byShard].flatMap(([shard, ofShard]) => {
      const calls: { producerIds: string[]; heads: Promise<Position[]> }[] = [];
      for (let at = 0; at < ofShard.length; at += headsPerCall) {
        const some = ofShard.slice(at, at + headsPerCall);
        calls.push({ producerIds: some, heads: this.askForHeads(shard, some) });
      }
      return calls;
    });
  }

  private async askForHeads(shard: number, producerIds: readonly string[]): Promise<Position[]> {
    const args = [this.keys.shardPrefix(shard), ...producerIds];
    const reply = asList(await callFunction(this.redis, 'heads', [this.keys.streams(shard)], args));
    return producerIds.map((_, at) => ({ epoch: asText(reply[2 * at]), seq: asNumber(reply[2 * at + 1]) }));
  }

  private channel(producerId: string): string {
    return this.keys.live(shardOf(producerId, this.shardCount), producerId);
  }
}

/** Takes a published message apart: its numbers, a line feed, then the batch. */
function readLiveBatch(producerId: string, message: Buffer): LiveBatch {
  const headerEnd = message.indexOf(0x0a);
  const numbers = numbersOf(message.toString('latin1', 0, headerEnd));
  return { producerId, ...numbers, batch: message.subarray(headerEnd + 1) };
}
