import type { RedisConnection } from './connection.ts';
import type { Keys } from './keys.ts';

export const defaultShardCount = 16;

/** The shard that holds a producer's stream: its id modulo the number of shards. Ids are handed out in turn. */
export function shardOf(producerId: string, shardCount: number): number {
  return Number(BigInt(producerId) % BigInt(shardCount));
}

/**
 * Fixes the number of shards at the first start and checks it ever after: streams would be looked for in the wrong
 * shard if it changed. Throws if this Redis was begun with another number.
 */
export async function fixShardCount(redis: RedisConnection, keys: Keys, shardCount: number): Promise<void> {
  let fixed = await redis.get(keys.shardCount);
  if (fixed === null) {
    await redis.set(keys.shardCount, String(shardCount), 'NX');
    fixed = await redis.get(keys.shardCount);
  }
  if (fixed !== String(shardCount)) {
    throw new Error(`SHARDS is ${shardCount}, but this Redis was begun with ${fixed}; it cannot change afterwards`);
  }
}
