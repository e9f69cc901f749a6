import type { Redis } from 'ioredis';

/**
 * Whether Redis answers, for `/ready`. Notes when its log is not written before it replies: an acknowledgement is then
 * worth less than it says. A Redis that does not tell its configuration is taken as it is.
 */
export function redisReadiness(redis: Redis) {
  return {
    name: 'redis',
    check: async (): Promise<{ ok: true; note?: string } | { ok: false; reason: string }> => {
      if (redis.status !== 'ready') return { ok: false, reason: 'not connected' };
      await redis.ping();
      const settings = await redis.config('GET', 'appendfsync').catch(() => []);
      const appendFsync = Array.isArray(settings) ? settings[1] : undefined;
      if (typeof appendFsync !== 'string' || appendFsync === 'always') return { ok: true };
      return { ok: true, note: `appendfsync is ${appendFsync}: a crash of Redis may lose acknowledged readings` };
    },
  };
}
