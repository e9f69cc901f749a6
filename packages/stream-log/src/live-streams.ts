import type { RedisConnection } from './connection.ts';
import { asList, asNumber, asText, callFunction } from './functions.ts';
import type { Keys } from './keys.ts';
import { type NumberedBatch, numbersOf } from './numbered-batch.ts';
import type { Position } from './position.ts';
import { shardOf } from './shards.ts';
import { newEpoch } from './stream-writer.ts';
import type { Subscriber } from './subscriber.ts';

/** A batch of a stream as it was published. */
export interface LiveBatch extends NumberedBatch {
  producerId: string;
}

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
    const shard = shardOf(producerId, this.shardCount);
    const args = [this.keys.shardPrefix(shard), producerId, newEpoch()];
    const reply = await callFunction(this.redis, 'open', [this.keys.stream(shard, producerId)], args);
    const [epoch, head] = asList(reply);
    return { epoch: asText(epoch), seq: asNumber(head) };
  }

  private channel(producerId: string): string {
    return this.keys.live(shardOf(producerId, this.shardCount), producerId);
  }
}

/** Takes a published message apart: `epoch:first:count`, a line feed, then the batch. */
function readLiveBatch(producerId: string, message: Buffer): LiveBatch {
  const headerEnd = message.indexOf(0x0a);
  const numbers = numbersOf(message.toString('latin1', 0, headerEnd));
  return { producerId, ...numbers, batch: message.subarray(headerEnd + 1) };
}
