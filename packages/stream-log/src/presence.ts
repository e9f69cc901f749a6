import type { RedisConnection } from './connection.ts';
import type { Keys } from './keys.ts';
import { shardOf } from './shards.ts';

/** A device counts as online this long after its last reading, in ms. */
export const onlineMs = 30_000;

/** Notes that devices of a producer sent readings just now. Those not seen for long are forgotten. */
export async function notePresence(
  redis: RedisConnection,
  keys: Keys,
  shardCount: number,
  seen: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<void> {
  const now = Date.now();
  await Promise.all(
    [...seen].flatMap(([producerId, deviceIds]) => {
      const key = keys.presence(shardOf(producerId, shardCount), producerId);
      return [
        redis.zadd(key, ...[...deviceIds].flatMap((deviceId) => [now, deviceId])),
        redis.zremrangebyscore(key, '-inf', now - onlineMs),
        redis.pexpire(key, onlineMs),
      ];
    }),
  );
}
