import type { RedisConnection } from './connection.ts';
import { callFunction } from './functions.ts';
import type { Keys } from './keys.ts';

/** A device counts as online this long after its last reading, in ms. */
export const onlineMs = 30_000;

/** What one call notes; Redis does nothing else meanwhile. */
const devicesPerCall = 1_000;

/** Notes that devices of a shard's producers sent readings just now. Those not seen for long are forgotten. */
export async function notePresence(
  redis: RedisConnection,
  keys: Keys,
  shard: number,
  seen: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<void> {
  const pairs = [...seen].flatMap(([producerId, deviceIds]) =>
    [...deviceIds].map((deviceId) => [producerId, deviceId]),
  );
  for (let at = 0; at < pairs.length; at += devicesPerCall) {
    const args = [keys.shardPrefix(shard), Date.now(), onlineMs, ...pairs.slice(at, at + devicesPerCall).flat()];
    await callFunction(redis, 'present', [keys.streams(shard)], args);
  }
}
