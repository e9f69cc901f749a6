import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { restOfEpoch } from '@motience/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { openConsumer, seqs, upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually, type TestSocket } from '../../../tests/support/test-socket.ts';

let redis: PrivateEngine;
let corner: StreamCorner;
let gateway: AppProcess;

beforeAll(async () => {
  redis = await startPrivateRedis();
  corner = await StreamCorner.open(redis.url, { database: true });
  gateway = corner.run('consumer-gateway', { MAX_QUEUED_BYTES: String(256 * 1024) });
});
afterAll(async () => {
  await corner.close();
  await redis.close();
});

/** A consumer, subscribed since long ago to a producer that has sent this many readings one by one. */
async function streamOf(count: number) {
  const producer = await corner.account('producer', ['a', 'b']);
  const consumer = await corner.account('consumer', [producer.id]);
  const { epoch } = await corner.head(producer.id);
  for (let sent = 1; sent <= count; sent += 1) await corner.publish(producer.id, [sent]);
  const open = () => openConsumer(gateway, consumer.token, 'mode=manual');
  return { producer, consumer, epoch, open };
}

const subscribe = (socket: TestSocket, producer: TestAccount, rest: object) =>
  socket.send({ type: 'subscribe', producer_id: producer.id, ...rest });

describe('subscribing after a position', () => {
  it('gets all that follows it, byte for byte as it was live, and then what comes', async () => {
    const { producer, consumer, epoch, open } = await streamOf(0);
    const live = await openConsumer(gateway, consumer.token);
    for (let sent = 1; sent <= 50; sent += 1) await corner.publish(producer.id, [{ sent, text: 'é🛰' }, sent]);
    const socket = await open();
    subscribe(socket, producer, { epoch, after: 7 });
    await eventually(() => expect(socket.readings).toHaveLength(93));
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(socket.readings).toHaveLength(94));
    await eventually(() => expect(live.readings).toHaveLength(101));
    const [welcome, subscribed, ...readings] = socket.texts;
    expect(JSON.parse(welcome ?? '')).toMatchObject({ type: 'welcome', streams: [] });
    const answer = { type: 'subscribed', producer_id: producer.id, epoch, seq: 7, recovered: true };
    expect(JSON.parse(subscribed ?? '')).toEqual(answer);
    expect(readings).toEqual(live.texts.slice(8));
  });

  it.each([
    ['small', 200],
    ['so large that it is read in several parts', 4_000],
  ])(
    'leaves out, repeats and reorders nothing while the stream runs at full speed (readings are %s)',
    async (_, size) => {
      const { producer, epoch, open } = await streamOf(0);
      let sent = 0;
      let isRunning = true;
      const running = (async () => {
        while (isRunning) {
          await corner.publish(
            producer.id,
            Array.from({ length: 40 }, () => ({ text: 'x'.repeat(size) })),
          );
          sent += 40;
        }
      })();
      await eventually(() => expect(sent).toBeGreaterThan(2_000));
      const sockets: TestSocket[] = [];
      for (let at = 0; at < 8; at += 1) {
        const socket = await open();
        sockets.push(socket);
        subscribe(socket, producer, { epoch, after: at * 100 + at });
        await eventually(() => expect(Number(seqs(socket).at(-1) ?? 0)).toBeGreaterThan(sent - 1_000));
      }
      isRunning = false;
      await running;
      for (const [at, socket] of sockets.entries()) {
        await eventually(() => expect(seqs(socket).at(-1)).toBe(sent));
        expect(seqs(socket)).toEqual(upTo(sent).slice(at * 100 + at));
      }
    },
  );

  it('at the head gets what comes', async () => {
    const { producer, epoch, open } = await streamOf(3);
    const socket = await open();
    subscribe(socket, producer, { epoch, after: 3 });
    await eventually(() => expect(socket.ofType('subscribed')).toMatchObject([{ seq: 3, recovered: true }]));
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([4]));
  });

  it('moves a stream that is received already, back as well', async () => {
    const { producer, consumer, epoch } = await streamOf(2);
    const socket = await openConsumer(gateway, consumer.token);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([3]));
    subscribe(socket, producer, { epoch, after: 1 });
    await eventually(() => expect(seqs(socket)).toEqual([3, 2, 3]));
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([3, 2, 3, 4]));
  });

  it('and narrowed gets the readings of the one device, and the position it reached', async () => {
    const { producer, epoch, open } = await streamOf(0);
    for (const device of ['a', 'b', 'a', 'b', 'a']) await corner.publish(producer.id, [{}], device);
    const socket = await open();
    subscribe(socket, producer, { epoch, after: 1, device_id: 'b' });
    await eventually(() => expect(socket.ofType('position')).toHaveLength(1));
    expect(seqs(socket)).toEqual([2, 4]);
    expect(socket.ofType('position')).toEqual([{ type: 'position', producer_id: producer.id, epoch, seq: 5 }]);
  });

  it('is answered each time, and the last one counts', async () => {
    const { producer, epoch, open } = await streamOf(20);
    const socket = await open();
    for (const after of [1, 5, 10]) subscribe(socket, producer, { epoch, after });
    await eventually(() => expect(seqs(socket).slice(-10)).toEqual(upTo(20).slice(10)));
    expect(socket.ofType('subscribed')).toHaveLength(3);
    expect(socket.ofType('subscribed').at(-1)).toMatchObject({ seq: 10, recovered: true });
  });

  it.each([
    ['epoch', { after: 3 }],
    ['after', { epoch: 'one' }],
    ['after', { epoch: 'one', after: -1 }],
    ['epoch', { epoch: 'no epoch', after: 1 }],
  ])('is refused without a whole position, naming %s', async (field, position) => {
    const { producer, open } = await streamOf(1);
    const socket = await open();
    subscribe(socket, producer, position);
    await eventually(() => expect(socket.ofType('error')).toMatchObject([{ kind: 'invalid-request' }]));
    expect(socket.ofType('error')[0]?.detail).toMatch(new RegExp(`^${field}: expected`));
  });

  it('is held back while the consumer does not read, within the bound on what waits for it', async () => {
    const { producer, epoch, open } = await streamOf(0);
    const text = 'x'.repeat(10_000);
    for (let round = 0; round < 20; round += 1) {
      await corner.publish(
        producer.id,
        Array.from({ length: 50 }, () => ({ text })),
      );
    }
    const socket = await open();
    subscribe(socket, producer, { epoch, after: 0 });
    await eventually(() => expect(socket.readings.length).toBeGreaterThan(0));
    socket.ws.pause();
    const other = await open();
    subscribe(other, producer, { epoch, after: 0 });
    await eventually(() => expect(other.readings).toHaveLength(1_000));
    socket.ws.resume();
    await eventually(() => expect(socket.readings).toHaveLength(1_000));
    expect(seqs(socket)).toEqual(upTo(1_000));
  });
});

describe('a position of an epoch that is over', () => {
  it('goes on to its end and into the next one', async () => {
    const { producer, epoch, open } = await streamOf(3);
    await redis.kill();
    await redis.restart();
    await corner.publish(producer.id, [{}]);
    const second = (await corner.head(producer.id)).epoch;
    // Until it has Redis again the gateway has sockets reconnect.
    const ready = `http://127.0.0.1:${await gateway.listening}/ready`;
    await eventually(async () => expect(await fetch(ready)).toMatchObject({ status: 200 }));
    const socket = await open();
    subscribe(socket, producer, { epoch, after: 1 });
    await eventually(() => expect(seqs(socket)).toEqual([2, 3, 1]));
    expect(socket.ofType('subscribed')).toMatchObject([
      { epoch, seq: 1, recovered: true },
      { epoch: second, seq: 0, recovered: true },
    ]);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([2, 3, 1, 2]));
  });
});

describe('a position that cannot be served', () => {
  it('of an unknown epoch is told so, and what will not come', async () => {
    const { producer, epoch, open } = await streamOf(2);
    const socket = await open();
    subscribe(socket, producer, { epoch: 'lost', after: 9 });
    await eventually(() => expect(seqs(socket)).toEqual([1, 2]));
    expect(socket.framesButPositions.slice(1, 3)).toEqual([
      { type: 'subscribed', producer_id: producer.id, epoch, seq: 0, recovered: false },
      { type: 'gap', producer_id: producer.id, epoch: 'lost', from: 10, to: restOfEpoch, reason: 'not-retained' },
    ]);
  });

  it('beyond the head is told so, and goes on from there', async () => {
    const { producer, epoch, open } = await streamOf(2);
    const socket = await open();
    subscribe(socket, producer, { epoch, after: 9 });
    await eventually(() => expect(socket.ofType('subscribed')).toMatchObject([{ epoch, seq: 2, recovered: false }]));
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([3]));
  });
});

describe('rights', () => {
  it('that end while a stream is resumed end it at once', async () => {
    const { producer, consumer, epoch, open } = await streamOf(0);
    const text = 'x'.repeat(10_000);
    for (let round = 0; round < 20; round += 1) {
      await corner.publish(
        producer.id,
        Array.from({ length: 50 }, () => ({ text })),
      );
    }
    const socket = await open();
    subscribe(socket, producer, { epoch, after: 0 });
    await eventually(() => expect(socket.readings.length).toBeGreaterThan(0));
    socket.ws.pause();
    await corner.rights.revoke({ kind: 'subscription', accountId: consumer.id, item: producer.id });
    const other = await openConsumer(gateway, consumer.token);
    await eventually(() => expect(other.ofType('welcome')).toMatchObject([{ streams: [] }]));
    socket.ws.resume();
    await eventually(() => expect(socket.ofType('unsubscribed')).toMatchObject([{ reason: 'subscription-ended' }]));
    expect(socket.readings.length).toBeLessThan(1_000);
    expect(socket.framesButPositions.at(-1)).toMatchObject({ type: 'unsubscribed' });
  });
});
