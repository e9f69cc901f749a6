import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';
import { shardOf } from './shards.ts';

/** A device counts as online this long after its last reading, in ms. */
export const onlineMs = 30_000;

/** Notes that devices of a producer sent readings just now. Those not seen for long are forgotten. */
export async function notePresence(
  redis: Redis,
  keys: Keys,
  shardCount: number,
  seen: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<void> {
  const now = Date.now();
  const batch = redis.pipeline();
  for (const [producerId, deviceIds] of seen) {
    const key = keys.presence(shardOf(producerId, shardCount), producerId);
    batch.zadd(key, ...[...deviceIds].flatMap((deviceId) => [now, deviceId]));
    batch.zremrangebyscore(key, '-inf', now - onlineMs);
    batch.pexpire(key, onlineMs);
  }
  await batch.exec();
}
