import { Redis } from 'ioredis';

/**
 * Opens a connection to Redis. While Redis is away commands wait, in order, and are sent again once it is back; so
 * every command given to it must be harmless to repeat. Whoever opens closes.
 */
export function openRedis(url: string, options: { onError: (error: Error) => void }): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: true,
    enableReadyCheck: true,
    connectTimeout: 5_000,
    keepAlive: 10_000,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000) * (0.5 + Math.random() / 2),
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  redis.on('error', options.onError);
  return redis;
}
