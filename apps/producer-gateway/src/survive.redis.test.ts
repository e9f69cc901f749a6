import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let redis: PrivateEngine | undefined;

afterEach(async () => {
  await corner.close();
  await redis?.close();
  redis = undefined;
});

async function connect() {
  const gateway = corner.run('producer-gateway');
  const url = `ws://127.0.0.1:${await gateway.listening}/producer`;
  const producer = await corner.account('producer', ['a']);
  return { gateway, url, producer, socket: await TestSocket.open(url, { token: producer.token }) };
}

const reading = (sequence: number) => ({ device_id: 'a', timestamp: '2025-01-29T11:35:00Z', data: {}, sequence });

/** The sequences of a producer's stored readings. */
async function storedSequences(producerId: string): Promise<number[]> {
  return (await corner.stored(producerId)).map((body) => JSON.parse(`${body}}`).sequence);
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('a planned stop', () => {
  it('acknowledges all that is stored, stores nothing else, and closes with 1001', async () => {
    corner = await StreamCorner.open();
    const { gateway, producer, socket } = await connect();
    let sent = 0;
    const stream = setInterval(() => {
      // Well within the bound on what is unacknowledged.
      if (sent - socket.acknowledged > 4_000) return;
      for (let count = 0; count < 200; count += 1) {
        sent += 1;
        socket.send(reading(sent));
      }
    }, 1);
    await eventually(() => expect(socket.acknowledged).toBeGreaterThan(2_000));
    const { code } = await gateway.end('SIGTERM');
    clearInterval(stream);
    expect(code).toBe(0);
    expect(await socket.closed).toEqual({ code: 1001, reason: 'the server is stopping' });
    expect(socket.acknowledged).toBeLessThan(sent);
    expect(await storedSequences(producer.id)).toEqual(upTo(socket.acknowledged));
  });
});

describe('while Redis is away', () => {
  it('nobody is let in and nothing is acknowledged; once it is back all is stored, once and in order', async () => {
    redis = await startPrivateRedis();
    corner = await StreamCorner.open(redis.url);
    const { url, producer, socket } = await connect();
    socket.send(reading(1));
    await eventually(() => expect(socket.acknowledged).toBe(1));
    await redis.kill();
    for (let sequence = 2; sequence <= 500; sequence += 1) socket.send(reading(sequence));
    // An answer from the gateway tells that it has taken what was sent before.
    socket.send('no reading');
    await eventually(() => expect(socket.ofType('error')).toMatchObject([{ reading: 501 }]));

    const ready = await fetch(url.replace('ws:', 'http:').replace('/producer', '/ready'));
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ parts: { redis: { ok: false } } });
    const newcomer = await TestSocket.open(url, { token: producer.token });
    expect(await newcomer.closed).toEqual({ code: 4002, reason: 'unavailable' });

    expect(socket.acknowledged).toBe(1);
    await redis.restart();
    await eventually(() => expect(socket.acknowledged).toBe(501));
    expect(await storedSequences(producer.id)).toEqual(upTo(500));
  });
});

describe('a Redis that refuses to write', () => {
  it('closes devices with 4002 and acknowledges nothing of it', async () => {
    redis = await startPrivateRedis();
    corner = await StreamCorner.open(redis.url);
    const { producer, socket } = await connect();
    socket.send(reading(1));
    await eventually(() => expect(socket.acknowledged).toBe(1));
    await corner.redis.config('SET', 'maxmemory', '1mb');
    socket.send(reading(2));
    expect(await socket.closed).toEqual({ code: 4002, reason: 'unavailable' });
    expect(socket.acknowledged).toBe(1);
    expect(await storedSequences(producer.id)).toEqual([1]);
  });
});
