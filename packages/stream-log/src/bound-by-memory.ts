import { allMasters, type RedisConnection } from './connection.ts';

/**
 * A bound in bytes that Redis has room for: `bytes`, or a quarter of its `maxmemory` where that is less, of the smallest
 * master in a cluster. A Redis that has no limit, or does not tell, is taken to have room.
 */
export async function boundByMemory(redis: RedisConnection, bytes: number): Promise<number> {
  const bounds = await Promise.all(
    (await allMasters(redis)).map(async (master) => {
      const reply = await master.config('GET', 'maxmemory').catch(() => []);
      const maxMemory = Array.isArray(reply) ? Number(reply[1]) : 0;
      return maxMemory > 0 ? Math.floor(maxMemory / 4) : bytes;
    }),
  );
  return Math.min(bytes, ...bounds);
}
