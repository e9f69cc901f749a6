import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { defaultShardCount, shardOf } from '@motience/stream-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { seqs, streamingConsumer, upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually, type TestSocket } from '../../../tests/support/test-socket.ts';

let redis: PrivateEngine;
let corner: StreamCorner;
let gateway: AppProcess;

beforeAll(async () => {
  redis = await startPrivateRedis();
  corner = await StreamCorner.open(redis.url, { database: true });
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
  ])('%s leave no hole: each socket gets all that follows', async (_, lose) => {
    const { producer, socket } = await streamingConsumer(corner, gateway);
    let published = 1;
    const publish = async (count: number) => {
      for (let round = 0; round < count; round += 1) await corner.publish(producer.id, [{}]);
      published += count;
    };
    await publish(20);
    await lose();
    await publish(20);
    await eventually(() => expect(socket.readings).toHaveLength(published));
    const epochs = [...socket.ofType('welcome').flatMap(({ streams }) => streams), ...socket.ofType('subscribed')];
    expect(socket.ofType('subscribed').every(({ seq, recovered }) => seq === 0 && recovered === true)).toBe(true);
    const first = epochs.length > 1 ? seqs(socket).lastIndexOf(1) : published;
    expect(seqs(socket)).toEqual([...upTo(first), ...upTo(published - first)]);
  });

  it('do not hide that a subscription ended meanwhile', async () => {
    const { producer, consumer, socket } = await streamingConsumer(corner, gateway);
    const { publishKept } = await keepStream(consumer, socket);
    await corner.redis.hdel(corner.keys.subscriptions(consumer.id), producer.id);
    await losePubsub();
    await eventually(() => expect(socket.ofType('unsubscribed')).toMatchObject([{ reason: 'subscription-ended' }]));
    await corner.publish(producer.id, [{}]);
    await publishKept();
    expect(seqsOf(socket, producer)).toEqual([1]);
  });
});

describe('while rights cannot be read again after that', () => {
  const incomplete = {
    make: async () => corner.redis.del(corner.keys.rightsProjected),
    mend: async () => corner.completeRights(),
  };
  const unreadable = (key: string) => ({
    make: async () => corner.redis.multi().rename(key, `${key}:kept`).set(key, 'no hash').exec(),
    mend: async () => corner.redis.rename(`${key}:kept`, key),
  });

  it.each([
    ['because the projection is not complete', () => incomplete],
    ['because Redis answers with an error', unreadable],
  ])('%s, nothing is delivered and /ready says so; then what came is, to those it is for', async (_, trouble) => {
    const { producer, consumer, socket } = await streamingConsumer(corner, gateway);
    const { kept, publishKept } = await keepStream(consumer, socket);
    await corner.redis.hdel(corner.keys.subscriptions(consumer.id), producer.id);
    const { make, mend } = trouble(corner.keys.subscriptions(consumer.id));
    await make();
    await losePubsub();
    await pausedAndListening(producer, kept);
    await corner.publish(producer.id, [{}]);
    const delivered = publishKept();
    await mend();
    await delivered;
    expect(seqsOf(socket, producer)).toEqual([1]);
    expect(socket.ofType('unsubscribed')).toMatchObject([{ producer_id: producer.id }]);
    expect(await deliveryPart()).toEqual({ ok: true });
  });

  it('much may come: a consumer that reads is not taken for a slow one when it is delivered', async () => {
    const { producer, socket } = await streamingConsumer(corner, gateway);
    await incomplete.make();
    await losePubsub();
    await pausedAndListening(producer);
    const megabyte = Array.from({ length: 65 }, () => ({ text: 'x'.repeat(16_000) }));
    for (let count = 0; count < 24; count += 1) await corner.publish(producer.id, megabyte);
    await incomplete.mend();
    await eventually(() => expect(socket.texts.length).toBe(2 + 24 * 65));
    expect(seqs(socket)).toEqual(upTo(1 + 24 * 65));
  });
});

const losePubsub = () => corner.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');

const seqsOf = (socket: TestSocket, { id }: TestAccount) =>
  socket.readings.filter((reading) => reading.producer_id === id).map(({ seq }) => seq);

/** Subscribes to one more stream; `publishKept` publishes a reading there, and resolves when the socket has it. */
async function keepStream(consumer: TestAccount, socket: TestSocket) {
  const kept = await corner.account('producer', ['a']);
  await corner.rights.grant({ kind: 'subscription', accountId: consumer.id, item: kept.id, since: 0 });
  await eventually(() => expect(socket.ofType('subscribed')).toHaveLength(1));
  const publishKept = async () => {
    await corner.publish(kept.id, [{}]);
    await eventually(() => expect(seqsOf(socket, kept)).toEqual([1]));
  };
  return { kept, publishKept };
}

/** Resolves when delivery is paused and these streams are listened to again. */
async function pausedAndListening(...producers: TestAccount[]): Promise<void> {
  const channels = producers.map(({ id }) => corner.keys.live(shardOf(id, defaultShardCount), id));
  await eventually(async () => {
    expect(await deliveryPart()).toMatchObject({ ok: false });
    expect(await corner.redis.pubsub('SHARDCHANNELS')).toEqual(expect.arrayContaining(channels));
  });
}

async function deliveryPart(): Promise<unknown> {
  const reply = await fetch(`http://127.0.0.1:${await gateway.listening}/ready`);
  const { parts } = await reply.json();
  return parts.delivery;
}
