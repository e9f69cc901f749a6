import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

/** Calls `onWake` whenever a gateway has stored something in a shard. A hint only: one may be lost with the connection. */
export async function listenForIngest(
  subscriber: Redis,
  keys: Keys,
  shardCount: number,
  onWake: (shard: number) => void,
): Promise<void> {
  const shardOfChannel = new Map(Array.from({ length: shardCount }, (_, shard) => [keys.wake(shard), shard]));
  subscriber.on('smessage', (channel: string) => {
    const shard = shardOfChannel.get(channel);
    if (shard !== undefined) onWake(shard);
  });
  await subscriber.ssubscribe(...shardOfChannel.keys());
}
