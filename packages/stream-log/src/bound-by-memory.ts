import type { Redis } from 'ioredis';

/**
 * A bound in bytes that Redis has room for: `bytes`, or a quarter of its `maxmemory` where that is less. A Redis that
 * has no limit, or does not tell, is taken to have room.
 */
export async function boundByMemory(redis: Redis, bytes: number): Promise<number> {
  const reply = await redis.config('GET', 'maxmemory').catch(() => []);
  const maxMemory = Array.isArray(reply) ? Number(reply[1]) : 0;
  return maxMemory > 0 ? Math.min(bytes, Math.floor(maxMemory / 4)) : bytes;
}
