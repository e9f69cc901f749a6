import { connect, createServer, type Socket } from 'node:net';
import { createTestRedis } from '@motience/engines/testing';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openRedis } from './connection.ts';
import { Subscriber } from './subscriber.ts';

/** A way to Redis on which nothing gets through any more, in either direction, over the connections there are. */
async function openWay() {
  const redis = await createTestRedis();
  const target = new URL(redis.url);
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      socket.on('error', () => {});
      sockets.push(socket);
    }
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => client.write(bytes));
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await redis.drop();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const silence = () => {
    for (const socket of sockets) socket.removeAllListeners('data').resume();
  };
  const url = new URL(redis.url);
  url.host = `127.0.0.1:${port}`;
  return { url: url.href, prefix: redis.prefix, silence, direct: redis.url };
}

function open(url: string, answerWithinMs = 300) {
  const redis = openRedis(url, { onError: () => {}, answerWithinMs });
  onTestFinished(() => redis.disconnect());
  return redis;
}

it('a command is sent over another connection when the network swallows what goes over this one', async () => {
  const way = await openWay();
  const redis = open(way.url);
  await redis.ping();
  way.silence();
  expect(await redis.ping()).toBe('PONG');
});

it('a channel is heard over another connection when the network swallows what comes over this one', async () => {
  const way = await openWay();
  const subscriber = new Subscriber(open(way.url), { onError: () => {}, pingMs: 200 });
  onTestFinished(() => subscriber.close());
  const heard: string[] = [];
  const onBack = vi.fn();
  const onMessage = (message: Buffer) => void heard.push(message.toString());
  await subscriber.subscribe(`${way.prefix}:channel`, { onMessage, onBack });
  way.silence();
  await vi.waitFor(() => expect(onBack).toHaveBeenCalled(), { timeout: 30_000 });
  await open(way.direct).spublish(`${way.prefix}:channel`, 'after');
  await vi.waitFor(() => expect(heard).toEqual(['after']), { timeout: 30_000 });
});
