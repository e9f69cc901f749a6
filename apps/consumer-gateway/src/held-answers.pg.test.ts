import {
  createTestDatabase,
  type PrivateEngine,
  startPrivateRedis,
  type TestDatabase,
} from '@motience/engines/testing';
import { defaultShardCount, shardOf } from '@motience/stream-log';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { openConsumer, seqs, streamingConsumer, upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';
import { HeldGateway } from './held-gateway.fixture.ts';

let redis: PrivateEngine;
let database: TestDatabase;
let corner: StreamCorner;
let gateway: HeldGateway;

beforeAll(async () => {
  [redis, database] = await Promise.all([startPrivateRedis(), createTestDatabase()]);
  corner = await StreamCorner.open(redis.url);
  gateway = await HeldGateway.start(corner, { DATABASE_URL: database.url, SOCKETS_PER_ACCOUNT: '2' });
});
afterAll(async () => {
  await gateway.stop();
  await corner.close();
  await Promise.all([redis.close(), database.drop()]);
});

const shardChannel = ({ id }: TestAccount) => corner.keys.live(shardOf(id, defaultShardCount), id);
const followed = () => corner.redis.pubsub('SHARDCHANNELS');
const revoke = (consumer: TestAccount, producer: TestAccount) =>
  corner.rights.revoke({ kind: 'subscription', accountId: consumer.id, item: producer.id });
const subscribe = (socket: TestSocket, producer: TestAccount, rest: object = {}) =>
  socket.send({ type: 'subscribe', producer_id: producer.id, ...rest });

/** Resolves when an answer about the producer is held back. */
const heldPast = ({ id }: TestAccount) => eventually(() => expect(gateway.pasts.held(id)).toBe(1));
const heldHead = ({ id }: TestAccount) => eventually(() => expect(gateway.heads.held(id)).toBe(1));

/** A consumer of a producer that has sent this many readings, one by one; past its welcome nothing has started. */
async function manualConsumer(readings: number) {
  const producer = await corner.account('producer', ['a', 'b']);
  const consumer = await corner.account('consumer', [producer.id]);
  const { epoch } = await corner.head(producer.id);
  for (let sent = 1; sent <= readings; sent += 1) await corner.publish(producer.id, [sent]);
  const socket = await openConsumer(gateway, consumer.token, 'mode=manual');
  return { producer, consumer, epoch, socket };
}

/** The same, with the first part of the past after a position read and held back. */
async function heldConsumer() {
  const held = await manualConsumer(3);
  gateway.pasts.close(held.producer.id);
  subscribe(held.socket, held.producer, { epoch: held.epoch, after: 0 });
  await heldPast(held.producer);
  return held;
}

/** Resolves when delivery is paused because rights may be out of date, and streams are listened to again. */
async function pause(...producers: TestAccount[]): Promise<void> {
  await corner.redis.del(corner.keys.rightsProjected);
  await corner.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await eventually(async () => {
    expect(await isPaused()).toBe(true);
    expect(await followed()).toEqual(
      expect.arrayContaining([corner.keys.rightsChanges, ...producers.map(shardChannel)]),
    );
  });
}

async function resume(): Promise<void> {
  await corner.completeRights();
  await eventually(async () => expect(await isPaused()).toBe(false));
}

async function isPaused(): Promise<boolean> {
  const { parts } = await (await fetch(`http://127.0.0.1:${await gateway.listening}/ready`)).json();
  return !parts.delivery.ok;
}

describe('while a stream is being opened', () => {
  it('a subscription that ends is not welcomed, and nothing of it comes', async () => {
    const [ending, kept] = [await corner.account('producer', ['a']), await corner.account('producer', ['a'])];
    const consumer = await corner.account('consumer', [ending.id, kept.id]);
    gateway.heads.close(ending.id);
    const socket = await TestSocket.open(`ws://127.0.0.1:${await gateway.listening}/consumer`, consumer);
    onTestFinished(() => socket.close());
    await heldHead(ending);
    await revoke(consumer, ending);
    await eventually(async () => expect(await followed()).not.toContain(shardChannel(ending)));
    gateway.heads.open(ending.id);
    await eventually(() => expect(socket.frames).toMatchObject([{ type: 'welcome' }]));
    expect(socket.frames[0]?.streams).toMatchObject([{ producer_id: kept.id }]);
    for (const { id } of [ending, kept]) await corner.publish(id, [{}]);
    await eventually(() => expect(socket.readings).toMatchObject([{ producer_id: kept.id }]));
    expect(socket.framesButPositions).toHaveLength(2);
  });

  it('a subscription that ends and begins again is received once', async () => {
    const { producer, consumer, socket } = await manualConsumer(0);
    gateway.heads.close(producer.id);
    subscribe(socket, producer);
    await heldHead(producer);
    await revoke(consumer, producer);
    await eventually(() => expect(socket.ofType('unsubscribed')).toHaveLength(1));
    await corner.rights.grant({ kind: 'subscription', accountId: consumer.id, item: producer.id, since: 0 });
    const other = await openConsumer(gateway, consumer.token, 'mode=manual');
    subscribe(socket, producer);
    await eventually(() => expect(gateway.heads.held(producer.id)).toBe(2));
    gateway.heads.open(producer.id);
    await eventually(() => expect(socket.ofType('subscribed')).toHaveLength(1));
    await corner.publish(producer.id, [{}]);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([1, 2]));
    expect(socket.ofType('subscribed')).toHaveLength(1);
    expect(other.readings).toEqual([]);
  });

  it('a socket that is closed gives it up at once', async () => {
    const producer = await corner.account('producer', ['a']);
    const consumer = await corner.account('consumer', [producer.id]);
    gateway.heads.close(producer.id);
    const socket = await TestSocket.open(`ws://127.0.0.1:${await gateway.listening}/consumer`, consumer);
    await heldHead(producer);
    expect(await followed()).toContain(shardChannel(producer));
    socket.close();
    await eventually(async () => expect(await followed()).not.toContain(shardChannel(producer)));
    gateway.heads.open(producer.id);
  });
});

describe('while the past is being read', () => {
  it('a subscription that ends gets nothing of it', async () => {
    const { producer, consumer, socket } = await heldConsumer();
    await revoke(consumer, producer);
    await eventually(() => expect(socket.ofType('unsubscribed')).toHaveLength(1));
    gateway.pasts.open(producer.id);
    await corner.publish(producer.id, [{}]);
    await eventually(async () => expect(await followed()).not.toContain(shardChannel(producer)));
    subscribe(socket, producer);
    await eventually(() => expect(socket.ofType('error')).toMatchObject([{ kind: 'forbidden' }]));
    expect(socket.framesButPositions).toHaveLength(3);
  });

  it('a stream that is unsubscribed and subscribed again comes from where it was asked for last', async () => {
    const { producer, epoch, socket } = await heldConsumer();
    socket.send({ type: 'unsubscribe', producer_id: producer.id });
    subscribe(socket, producer, { epoch, after: 1 });
    await eventually(() => expect(gateway.pasts.held(producer.id)).toBe(2));
    gateway.pasts.open(producer.id);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket).at(-1)).toBe(4));
    expect(seqs(socket)).toEqual([2, 3, 4]);
    expect(socket.framesButPositions.slice(1, 3)).toMatchObject([
      { type: 'unsubscribed' },
      { type: 'subscribed', seq: 1 },
    ]);
  });

  it.each([
    ['that has ended', false],
    ['that goes on', true],
  ])(
    'and rights come into doubt, nothing is sent before they were read again: a subscription %s',
    async (_, goesOn) => {
      const { producer, consumer, socket } = await heldConsumer();
      if (!goesOn) await corner.redis.hdel(corner.keys.subscriptions(consumer.id), producer.id);
      await pause(producer);
      gateway.pasts.open(producer.id);
      // Answered by then: it could have been sent.
      await corner.head(producer.id);
      await isPaused();
      expect(socket.frames).toHaveLength(1);
      await resume();
      await corner.publish(producer.id, [{}]);
      const told = goesOn ? ['subscribed', ...upTo(4)] : ['unsubscribed'];
      const frames = () => socket.framesButPositions.slice(1);
      await eventually(() => expect(frames().map(({ type, seq }) => type ?? seq)).toEqual(told));
    },
  );
});

describe('one who was led through the past and waits for the stream', () => {
  it('is not joined to it any more once it has unsubscribed', async () => {
    const { producer, consumer, epoch, socket } = await manualConsumer(1);
    const live = await openConsumer(gateway, consumer.token);
    await corner.retainUntold(producer.id, {});
    subscribe(socket, producer, { epoch, after: 0 });
    await eventually(() => expect(seqs(socket)).toEqual([1, 2]));
    socket.send({ type: 'unsubscribe', producer_id: producer.id });
    await eventually(() => expect(socket.ofType('unsubscribed')).toHaveLength(1));
    for (const seen of [
      [2, 3],
      [2, 3, 4],
    ]) {
      await corner.publish(producer.id, [{}]);
      await eventually(() => expect(seqs(live)).toEqual(seen));
    }
    socket.send('{');
    await eventually(() => expect(socket.ofType('error')).toHaveLength(1));
    expect(socket.framesButPositions.slice(-2)).toMatchObject([{ type: 'unsubscribed' }, { type: 'error' }]);
  });
});

describe('a long past of which nothing is sent because it is narrowed', () => {
  it('has its position told after 5 seconds, while it is still being read', async () => {
    const { producer, epoch, socket } = await manualConsumer(0);
    const batch = Array.from({ length: 20 }, () => ({ text: 'x'.repeat(15_000) }));
    for (let sent = 0; sent < 5; sent += 1) await corner.publish(producer.id, batch, 'a');
    gateway.pasts.close(producer.id);
    subscribe(socket, producer, { epoch, after: 0, device_id: 'b' });
    // Two batches are a part.
    await heldPast(producer);
    gateway.pasts.letGo(producer.id);
    await heldPast(producer);
    const position = { type: 'position', producer_id: producer.id, epoch };
    await eventually(() => expect(socket.ofType('position')[0]).toEqual({ ...position, seq: 40 }));
    gateway.pasts.open(producer.id);
    await eventually(() => expect(socket.ofType('position').at(-1)).toEqual({ ...position, seq: 100 }));
    expect(socket.readings).toEqual([]);
  });
});

describe('a client of server-sent events that goes away', () => {
  it.each([
    ['its stream is being opened', () => gateway.heads, {}],
    ['its past is being read', () => gateway.pasts, { after: 0 }],
  ])('while %s gives its place back at once', async (_, gates, { after }: { after?: number }) => {
    const { producer, consumer, epoch, socket } = await manualConsumer(1);
    const gate = gates();
    gate.close(producer.id);
    const position = after === undefined ? '' : `&last_event_id=${epoch}:${after}`;
    const url = `http://127.0.0.1:${await gateway.listening}/consumer/sse?producer_id=${producer.id}${position}`;
    const going = new AbortController();
    const headers = { authorization: `Bearer ${consumer.token}` };
    const response = fetch(url, { headers, signal: going.signal }).catch(() => 'gone');
    await eventually(() => expect(gate.held(producer.id)).toBe(1));
    // The socket has the other one.
    expect(await (await fetch(url, { headers })).json()).toMatchObject({ error: { kind: 'rate-limited' } });
    going.abort();
    expect(await response).toBe('gone');
    await eventually(async () => expect(await followed()).not.toContain(shardChannel(producer)));
    const next = await openConsumer(gateway, consumer.token, 'mode=manual');
    expect(next.ofType('error')).toEqual([]);
    expect(gate.held(producer.id)).toBe(1);
    gate.open(producer.id);
    expect(socket.readings).toEqual([]);
  });
});

describe('a hole that is being filled', () => {
  it('while deliveries are paused is filled with what came meanwhile too', async () => {
    const { producer, socket } = await streamingConsumer(corner, gateway);
    gateway.pasts.close(producer.id);
    await corner.retainUntold(producer.id, {});
    await corner.publish(producer.id, [{}]);
    await heldPast(producer);
    await pause(producer);
    await corner.publish(producer.id, [{}]);
    await resume();
    gateway.pasts.open(producer.id);
    // Before a look at the stream's tail could find it.
    await eventually(() => expect(seqs(socket)).toEqual(upTo(4)), 3_000);
  });

  it('once all have left the stream does not come to one who has joined it anew', async () => {
    const { producer, consumer, socket } = await streamingConsumer(corner, gateway);
    gateway.pasts.close(producer.id);
    await corner.retainUntold(producer.id, {});
    await corner.publish(producer.id, [{}]);
    await heldPast(producer);
    socket.close();
    await eventually(async () => expect(await followed()).not.toContain(shardChannel(producer)));
    const next = await openConsumer(gateway, consumer.token);
    expect(next.ofType('welcome')).toMatchObject([{ streams: [{ seq: 3 }] }]);
    gateway.pasts.open(producer.id);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(next).at(-1)).toBe(4));
    expect(seqs(next)).toEqual([4]);
  });
});
