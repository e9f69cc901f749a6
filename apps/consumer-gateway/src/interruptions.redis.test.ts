import { restOfEpoch } from '@motience/protocol';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { nobody, StreamCorner } from '../../../tests/support/stream-corner.ts';
import { openConsumer, seqs, streamingConsumer, unavailable, upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';
import { HeldGateway } from './held-gateway.fixture.ts';

let corner: StreamCorner;
let gateway: AppProcess;

beforeAll(async () => {
  corner = await StreamCorner.open(undefined, { database: true });
  gateway = corner.run('consumer-gateway');
});
afterAll(() => corner.close());

const streaming = () => streamingConsumer(corner, gateway);

describe('readings that are missing', () => {
  it('are read from the past before anything later goes out', async () => {
    const { producer, socket } = await streaming();
    for (let lost = 0; lost < 3; lost += 1) await corner.retainUntold(producer.id, {});
    await corner.publish(producer.id, [{}, {}]);
    await eventually(() => expect(seqs(socket)).toEqual(upTo(6)));
    expect(socket.ofType('gap')).toEqual([]);
  });

  it('are found within 10 seconds although nothing comes after them', async () => {
    const { producer, socket } = await streaming();
    const lostAt = performance.now();
    await corner.retainUntold(producer.id, {});
    await eventually(() => expect(seqs(socket)).toEqual([1, 2]), 12_000);
    expect(performance.now() - lostAt).toBeLessThan(10_000);
  });

  it('and are nowhere any more are named in a gap', async () => {
    const { producer, socket, shard, streamKey } = await streaming();
    await corner.retainUntold(producer.id, {});
    await corner.retainUntold(producer.id, {});
    await corner.redis.xdel(corner.keys.retained(shard, producer.id), '1-0', '2-0');
    await corner.redis.hset(streamKey, 'retained_from', 3);
    const app = corner.run('consumer-gateway');
    const consumer = await corner.account('consumer', [producer.id]);
    const resuming = await openConsumer(app, consumer.token);
    const epoch = await corner.redis.hget(streamKey, 'epoch');
    resuming.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 0 });
    await eventually(() => expect(seqs(resuming)).toEqual([3]));
    expect(resuming.ofType('gap')).toEqual([
      { type: 'gap', producer_id: producer.id, epoch, from: 1, to: 2, reason: 'not-retained' },
    ]);
    expect(resuming.ofType('subscribed')).toMatchObject([{ epoch, seq: 0, recovered: false }]);
    expect(seqs(socket)).toEqual([1]);
  });

  it('close the sockets of that stream with 4002 when PostgreSQL would be needed and is away; no other', async () => {
    const app = corner.run('consumer-gateway', { DATABASE_URL: nobody });
    const { producer, socket, shard, streamKey } = await streamingConsumer(corner, app);
    const other = await streamingConsumer(corner, app);
    await corner.retainUntold(producer.id, {});
    await corner.retainUntold(producer.id, {});
    await corner.redis.xdel(corner.keys.retained(shard, producer.id), '1-0', '2-0');
    await corner.redis.hset(streamKey, 'retained_from', 3);
    await corner.publish(producer.id, [{}]);
    expect(await socket.closed).toEqual(unavailable);
    await corner.publish(other.producer.id, [{}]);
    await eventually(() => expect(seqs(other.socket)).toEqual([1, 2]));
  });

  it('do not come again when they were delivered before', async () => {
    const { producer, socket, shard, streamKey } = await streaming();
    const epoch = await corner.redis.hget(streamKey, 'epoch');
    await corner.redis.spublish(corner.keys.live(shard, producer.id), `${epoch}:1:1\n`);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([1, 2]));
  });
});

describe('readings that are missing and cannot be read', () => {
  it('refuse those on the stream and those who wait for it; the stream goes on at the head', async () => {
    const held = await HeldGateway.start(corner, { SOCKETS_PER_ACCOUNT: '2', DATABASE_URL: nobody });
    onTestFinished(() => held.stop());
    const { producer, consumer, socket, shard, streamKey } = await streamingConsumer(corner, held);
    // One who is led through the past is not on the stream, and keeps it followed.
    const led = await corner.account('consumer', [producer.id]);
    const url = `http://127.0.0.1:${await held.listening}/consumer/sse?producer_id=${producer.id}`;
    const leading = new AbortController();
    await fetch(url, { headers: { authorization: `Bearer ${led.token}` }, signal: leading.signal });
    held.pasts.close(producer.id);
    await corner.retainUntold(producer.id, {});
    await corner.redis.xdel(corner.keys.retained(shard, producer.id), '1-0', '2-0');
    await corner.redis.hset(streamKey, 'retained_from', 3);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(held.pasts.held(producer.id)).toBe(1));
    const waiting = await TestSocket.open(`ws://127.0.0.1:${await held.listening}/consumer`, consumer);
    const other = await openConsumer(held, (await corner.account('consumer', [producer.id])).token, 'mode=manual');
    other.send({ type: 'subscribe', producer_id: producer.id });
    // Answered once what was sent before it waits.
    other.send('{');
    await eventually(() => expect(other.ofType('error')).toHaveLength(1));
    held.pasts.open(producer.id);
    const error = { type: 'error', kind: 'unavailable', retry_after: 1 };
    for (const refused of [socket, waiting, other]) {
      expect(await refused.closed).toEqual(unavailable);
      expect(refused.framesButPositions.at(-1)).toMatchObject(error);
    }
    expect(seqs(socket)).toEqual([1]);
    // Both of its places are free again.
    const again = [await openConsumer(held, consumer.token), await openConsumer(held, consumer.token)];
    await corner.publish(producer.id, [{}]);
    for (const one of again) await eventually(() => expect(seqs(one)).toEqual([4]));
    for (const one of again) one.close();
    leading.abort();
    const channel = corner.keys.live(shard, producer.id);
    await eventually(async () => expect(await corner.redis.pubsub('SHARDCHANNELS')).not.toContain(channel));
  });
});

describe('numbering that went back', () => {
  it('is told within 10 seconds', async () => {
    const { producer, socket, streamKey } = await streaming();
    await corner.redis.hset(streamKey, 'head', '0');
    const epoch = await corner.redis.hget(streamKey, 'epoch');
    const told = { type: 'subscribed', producer_id: producer.id, epoch, seq: 0, recovered: false };
    await eventually(() => expect(socket.ofType('subscribed')).toEqual([told]), 10_000);
  });
});

describe('a stream that begins a new life', () => {
  it('is told with its new epoch before its first reading, and that the rest of the former one will not come', async () => {
    const { producer, socket, streamKey } = await streaming();
    const former = await corner.redis.hget(streamKey, 'epoch');
    await corner.redis.del(streamKey);
    await corner.publish(producer.id, [{}, {}]);
    await eventually(() => expect(seqs(socket)).toEqual([1, 1, 2]));
    const epoch = await corner.redis.hget(streamKey, 'epoch');
    expect(epoch).not.toBe(former);
    expect(socket.framesButPositions.slice(2, 4)).toEqual([
      { type: 'subscribed', producer_id: producer.id, epoch, seq: 0, recovered: false },
      { type: 'gap', producer_id: producer.id, epoch: former, from: 2, to: restOfEpoch, reason: 'not-retained' },
    ]);
  });
});

describe('a stream in which nothing is sent', () => {
  it('has its position told at least every 10 seconds, also to a socket that is narrowed', async () => {
    const { producer, consumer, socket, streamKey } = await streaming();
    const narrowed = await openConsumer(gateway, consumer.token);
    narrowed.send({ type: 'subscribe', producer_id: producer.id, device_id: 'b' });
    await eventually(() => expect(narrowed.ofType('subscribed')).toHaveLength(1));
    await corner.publish(producer.id, [{}]);
    const epoch = await corner.redis.hget(streamKey, 'epoch');
    const told = { type: 'position', producer_id: producer.id, epoch, seq: 2 };
    for (const one of [socket, narrowed]) await eventually(() => expect(one.ofType('position')).toContainEqual(told));
  });
});

describe('a consumer that does not read', () => {
  it.each([
    ['more than its bound waits for it', { MAX_QUEUED_BYTES: String(64 * 1024) }],
    [
      'more than the total waits for all',
      { MAX_TOTAL_QUEUED_BYTES: String(2 ** 20), MAX_QUEUED_BYTES: String(2 ** 26) },
    ],
  ])('is cut when %s; another one of the same stream gets everything', async (_, bounds) => {
    const app = corner.run('consumer-gateway', bounds);
    const { producer, consumer, socket: slow } = await streamingConsumer(corner, app);
    const fast = await openConsumer(app, consumer.token);
    slow.ws.pause();
    const text = 'x'.repeat(15_000);
    for (let round = 0; round < 30; round += 1) {
      await corner.publish(
        producer.id,
        Array.from({ length: 50 }, () => ({ text })),
      );
    }
    await eventually(() => expect(fast.texts).toHaveLength(1 + 1_500));
    expect(seqs(fast)).toEqual(upTo(1_501).slice(1));
    await eventually(async () => expect(await openSockets(app)).toBe(1), 5_000);
    slow.ws.resume();
    expect(await slow.closed).toMatchObject({ code: 1006 });
    expect(slow.readings.length).toBeLessThan(1_501);
    expect(seqs(slow)).toEqual(upTo(slow.readings.length));
  });
});

describe('a planned stop', () => {
  it('closes every socket with 1001', async () => {
    const app = corner.run('consumer-gateway');
    const { socket } = await streamingConsumer(corner, app);
    expect(await app.end('SIGTERM')).toMatchObject({ code: 0 });
    expect(await socket.closed).toEqual({ code: 1001, reason: 'the server is stopping' });
  });
});

async function openSockets(app: AppProcess): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${await app.listening}/metrics`)).text();
  return Number(/^motience_consumer_sockets\S* (\d+)$/m.exec(metrics)?.[1]);
}

describe('a gateway that was frozen', () => {
  it('delivers nothing of what came meanwhile for a right that ended meanwhile', async () => {
    const app = corner.run('consumer-gateway');
    const { producer, consumer, socket } = await streamingConsumer(corner, app);
    const stays = await corner.account('consumer', [producer.id]);
    const other = await openConsumer(app, stays.token);
    app.signal('SIGSTOP');
    const frozenAt = performance.now();
    await corner.rights.revoke({ kind: 'subscription', accountId: consumer.id, item: producer.id });
    for (let sent = 0; sent < 20; sent += 1) await corner.publish(producer.id, [{}]);
    await eventually(() => expect(performance.now() - frozenAt).toBeGreaterThan(1_500));
    app.signal('SIGCONT');
    await eventually(() => expect(socket.ofType('unsubscribed')).toHaveLength(1));
    await eventually(() => expect(seqs(other)).toEqual(upTo(21).slice(1)));
    expect(seqs(socket)).toEqual([1]);
  });
});
