import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { seqs, streamingConsumer, unavailable, upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually } from '../../../tests/support/test-socket.ts';

let redis: PrivateEngine;
let corner: StreamCorner;
let gateway: AppProcess;

beforeAll(async () => {
  redis = await startPrivateRedis();
  corner = await StreamCorner.open(redis.url);
  gateway = corner.run('consumer-gateway');
});
afterAll(async () => {
  await corner.close();
  await redis.close();
});

describe('connections to Redis that are lost', () => {
  it.each([
    ['killed', () => corner.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')],
    ['lost with a Redis that is killed and restarted', () => redis.kill().then(() => redis.restart())],
  ])('%s leave no hole: each socket gets all that follows, or is closed with 4002', async (_, lose) => {
    const { producer, socket } = await streamingConsumer(corner, gateway);
    let published = 1;
    const publish = async (count: number) => {
      for (let round = 0; round < count; round += 1) await corner.publish(producer.id, [{}]);
      published += count;
    };
    await publish(20);
    await lose();
    await publish(20);
    const isClosed = () => socket.ws.readyState === socket.ws.CLOSED;
    const meanwhile = published;
    await eventually(async () => {
      await publish(1);
      expect(isClosed() || Number(seqs(socket).at(-1)) > meanwhile).toBe(true);
    });
    await eventually(() => expect(isClosed() || seqs(socket).at(-1) === published).toBe(true));
    expect(seqs(socket)).toEqual(upTo(socket.readings.length));
    if (socket.readings.length < published) expect(await socket.closed).toEqual(unavailable);
  });

  it('do not hide that a subscription ended meanwhile', async () => {
    const { producer, consumer, socket } = await streamingConsumer(corner, gateway);
    await corner.redis.srem(corner.keys.subscriptions(consumer.id), producer.id);
    await corner.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => expect(socket.ofType('unsubscribed')).toMatchObject([{ reason: 'subscription-ended' }]));
    await corner.publish(producer.id, [{}]);
    expect(seqs(socket)).toEqual([1]);
  });
});
