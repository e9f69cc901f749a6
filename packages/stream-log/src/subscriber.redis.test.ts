import { startPrivateRedis } from '@motience/engines/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openRedis, type RedisConnection } from './connection.ts';
import { Subscriber } from './subscriber.ts';

let engine: Awaited<ReturnType<typeof startPrivateRedis>>;
let redis: RedisConnection;
let subscriber: Subscriber;
let told: string[];

beforeEach(async () => {
  engine = await startPrivateRedis();
  redis = openRedis(engine.url, { onError: () => {} });
  subscriber = new Subscriber(redis, { onError: () => {} });
  told = [];
});
afterEach(async () => {
  subscriber.close();
  redis.disconnect();
  await engine.close();
});

const listener = (name: string) => ({
  onMessage: (message: Buffer) => told.push(`${name} ${message}`),
  onLost: () => told.push(`${name} lost`),
  onBack: () => told.push(`${name} back`),
});

it('hears what is published on its channels once subscribed, and nothing once unsubscribed', async () => {
  await subscriber.subscribe('a', listener('a'));
  await subscriber.subscribe('b', listener('b'));
  await redis.spublish('a', '1');
  await redis.spublish('b', '2');
  subscriber.unsubscribe('a');
  await vi.waitFor(async () => expect(await redis.spublish('a', '3')).toBe(0), 30_000);
  await redis.spublish('b', '4');
  await vi.waitFor(() => expect(told).toEqual(['a 1', 'b 2', 'b 4']), 30_000);
});

it('tells when Redis is lost, and when it hears again after', async () => {
  await subscriber.subscribe('a', listener('a'));
  await engine.kill();
  await vi.waitFor(() => expect(told).toEqual(['a lost']), 30_000);
  await engine.restart();
  await vi.waitFor(() => expect(told).toEqual(['a lost', 'a back']), 30_000);
  expect(await redis.spublish('a', '1')).toBe(1);
  await vi.waitFor(() => expect(told).toContain('a 1'), 30_000);
});

it('subscribes to what was asked for while Redis was away, once it is back', async () => {
  await engine.kill();
  const subscribed = subscriber.subscribe('a', listener('a'));
  await engine.restart();
  await subscribed;
  expect(await redis.spublish('a', '1')).toBe(1);
  expect(told).not.toContain('a back');
});

it('lets go of those who wait when it is closed', async () => {
  await engine.kill();
  const subscribed = subscriber.subscribe('a', listener('a'));
  subscriber.close();
  await expect(subscribed).rejects.toThrow('closed');
});
