import { Refusal } from '@motience/protocol';
import type { Cluster, Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

export interface RateLimit {
  /** Part of the key in Redis; one per limit. */
  name: string;
  /** What is limited, for the refusal: `registrations per address`. */
  what: string;
  points: number;
  perSeconds: number;
}

const spans: ReadonlyMap<number, string> = new Map([
  [60, 'minute'],
  [86_400, 'day'],
]);

export interface RateLimiter {
  /** Counts one; over the limit throws `rate-limited` with the limit, its value and the wait. */
  consume(key: string): Promise<void>;
  /** Throws `rate-limited` if the limit is reached, and counts nothing. */
  check(key: string): Promise<void>;
}

/**
 * Resolves once the first attempt to connect has ended, well or not. Without it, what comes in the first moments after
 * a start would be counted in memory although Redis is there.
 */
export async function firstConnectionAttempt(redis: Redis | Cluster): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve) => {
    redis.once('ready', resolve);
    redis.once('error', () => resolve());
  });
}

/** Counts in both, and refuses at whichever limit is reached, the first one first. */
export function bothLimits(first: RateLimiter, second: RateLimiter): RateLimiter {
  const inTurn = (name: keyof RateLimiter) => async (key: string) => {
    await first[name](key);
    await second[name](key);
  };
  return { consume: inTurn('consume'), check: inTurn('check') };
}

/** Counts in Redis, over all processes; while Redis is away, each process counts for itself. */
export function createRateLimiter(redis: Redis | Cluster, keyPrefix: string, limit: RateLimit): RateLimiter {
  const counted = { keyPrefix: `${keyPrefix}:limit:${limit.name}`, points: limit.points, duration: limit.perSeconds };
  const limiter = new RateLimiterRedis({
    ...counted,
    storeClient: redis,
    rejectIfRedisNotReady: true,
    insuranceLimiter: new RateLimiterMemory(counted),
  });
  const refuse = (state: RateLimiterRes) => {
    const span = spans.get(limit.perSeconds) ?? `${limit.perSeconds} s`;
    throw new Refusal('rate-limited', `more than ${limit.points} ${limit.what} per ${span}`, {
      retryAfterSeconds: Math.max(1, Math.ceil(state.msBeforeNext / 1000)),
    });
  };
  return {
    async consume(key) {
      await limiter.consume(key).catch((error: unknown) => {
        if (error instanceof RateLimiterRes) refuse(error);
        throw error;
      });
    },
    async check(key) {
      const state = await limiter.get(key);
      if (state && state.consumedPoints >= limit.points) refuse(state);
    },
  };
}
