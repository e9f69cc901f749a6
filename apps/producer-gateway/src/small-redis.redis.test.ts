import { startPrivateRedis } from '@motience/engines/testing';
import { expect, it, onTestFinished } from 'vitest';
import { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';

const mebibyte = 1024 * 1024;
const frame = Array.from({ length: 12 }, () => ({
  device_id: 'a',
  timestamp: '2025-01-29T11:35:00Z',
  data: { text: 'x'.repeat(15 * 1024) },
}));

it('with little memory, producers of all shards are told that the backlog is full before Redis has none left', async () => {
  const redis = await startPrivateRedis({ maxMemoryBytes: 32 * mebibyte });
  onTestFinished(() => redis.close());
  const corner = await StreamCorner.open(redis.url);
  onTestFinished(() => corner.close());
  const port = await corner.run('producer-gateway').listening;
  const producers = await Promise.all(Array.from({ length: 16 }, () => corner.account('producer', ['a'])));

  const acknowledged = await Promise.all(
    producers.map(async ({ token }) => {
      const socket = await TestSocket.open(`ws://127.0.0.1:${port}/producer`, { token });
      let closed: { code: number } | undefined;
      socket.closed.then((how) => {
        closed = how;
      });
      for (let sent = frame.length; !closed; sent += frame.length) {
        socket.send(frame);
        await eventually(() => expect(closed || socket.acknowledged === sent).toBeTruthy());
      }
      expect(closed.code).toBe(4002);
      expect(socket.ofType('error')).toMatchObject([
        { detail: 'the platform is catching up: reconnect and send again' },
      ]);
      return socket.acknowledged;
    }),
  );
  expect(Math.min(...acknowledged)).toBeGreaterThan(0);
  await corner.rights.grant({ kind: 'device', accountId: '1', item: 'b' });
  await corner.account('consumer', ['1']);
});
