import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { openConsumer, seqs, streamingConsumer, unavailable, upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let gateway: AppProcess;

beforeAll(async () => {
  corner = await StreamCorner.open();
  gateway = corner.run('consumer-gateway');
});
afterAll(() => corner.close());

const streaming = () => streamingConsumer(corner, gateway);

describe('readings that are missing', () => {
  it('close the sockets of that stream with 4002 when something comes after them, and no other socket', async () => {
    const { producer, socket, shard, streamKey } = await streaming();
    const other = await streaming();
    const epoch = await corner.redis.hget(streamKey, 'epoch');
    await corner.redis.spublish(corner.keys.live(shard, producer.id), `${epoch}:3:1\n`);
    expect(await socket.closed).toEqual(unavailable);
    expect(socket.ofType('error')).toMatchObject([{ kind: 'unavailable', detail: expect.stringContaining('missing') }]);
    await corner.publish(other.producer.id, [{}]);
    await eventually(() => expect(seqs(other.socket)).toEqual([1, 2]));
  });

  it.each([
    ['when nothing comes after them', 1],
    ['when the numbering went back', -1],
  ])('close them within 10 seconds %s', async (_, by) => {
    const { socket, streamKey } = await streaming();
    const quiet = await streaming();
    await corner.redis.hincrby(streamKey, 'head', by);
    const lostAt = performance.now();
    expect(await socket.closed).toEqual(unavailable);
    expect(performance.now() - lostAt).toBeLessThan(10_000);
    expect(quiet.socket.ws.readyState).toBe(quiet.socket.ws.OPEN);
  });

  it('do not come again when they were delivered before', async () => {
    const { producer, socket, shard, streamKey } = await streaming();
    const epoch = await corner.redis.hget(streamKey, 'epoch');
    await corner.redis.spublish(corner.keys.live(shard, producer.id), `${epoch}:1:1\n`);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([1, 2]));
  });
});

describe('a stream that begins a new life', () => {
  it('is told with its new epoch before its first reading', async () => {
    const { producer, socket, streamKey } = await streaming();
    await corner.redis.del(streamKey);
    await corner.publish(producer.id, [{}, {}]);
    await eventually(() => expect(seqs(socket)).toEqual([1, 1, 2]));
    const [welcome, , told] = socket.frames;
    expect(told).toEqual({
      type: 'subscribed',
      producer_id: producer.id,
      epoch: await corner.redis.hget(streamKey, 'epoch'),
      seq: 0,
      recovered: false,
    });
    expect(welcome).not.toMatchObject({ streams: [{ epoch: told?.epoch }] });
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
