import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { createLogger } from '@motience/service-kit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EventStream } from './event-stream.ts';
import { startGatewayServer } from './gateway-server.ts';
import { testServerOptions } from './test-server.fixture.ts';

/** A server that serves events, and a response of it; Node's parser refuses chunks that are not right. */
async function open(serve: (stream: EventStream) => Promise<void>): Promise<IncomingMessage> {
  const server = await startGatewayServer({
    ...testServerOptions,
    logger: createLogger('test', 'silent'),
    admit: () => Promise.reject(new Error('no sockets here')),
    open: () => ({}),
    receiveText: () => {},
    events: { path: '/events', serve },
  });
  onTestFinished(() => server.close());
  const request = get(`http://127.0.0.1:${server.port}/events`);
  onTestFinished(() => void request.destroy());
  const [response] = await once(request, 'response');
  return response;
}

const event = (id: number, bytes: number) => `id: ${id}\ndata: ${'z'.repeat(bytes)}\n\n`;
const idsIn = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('events', () => {
  it.each([700, 2_600, 16_000, 40_000])(
    'of %d bytes all arrive whole at a reader that stops again and again',
    async (bytes) => {
      const count = Math.ceil(60_000_000 / bytes);
      const response = await open(async (stream) => {
        await setImmediate();
        for (let id = 1; id <= count && stream.isOpen; ) {
          stream.cork(() => {
            for (; id <= count && !stream.isFull; id += 1) stream.write(event(id, bytes));
          });
          await stream.whenDrained();
        }
        stream.end();
      });
      const ids: number[] = [];
      let rest = '';
      let unread = 0;
      for await (const chunk of response) {
        rest += chunk;
        const end = rest.includes('\n\n') ? rest.lastIndexOf('\n\n') + 2 : 0;
        ids.push(...idsIn(rest.slice(0, end)));
        rest = rest.slice(end);
        unread += chunk.length;
        // Long enough for what is on its way to fill up.
        if (unread > 8_000_000) await setTimeout(20);
        if (unread > 8_000_000) unread = 0;
      }
      expect(ids).toEqual(upTo(count));
    },
    60_000,
  );

  it('wait for a reader that reads nothing for longer than uWebSockets.js would wait', async () => {
    let last = 0;
    let isStuck = false;
    const response = await open(async (stream) => {
      await setImmediate();
      const alive = setInterval(() => stream.keepAlive(), 3_000);
      const startedAt = performance.now();
      while (performance.now() - startedAt < 15_000) {
        while (!stream.isFull) stream.write(event(++last, 2_600));
        isStuck = true;
        await stream.whenDrained();
      }
      clearInterval(alive);
      stream.end();
    });
    response.pause();
    await setTimeout(15_000);
    expect(isStuck).toBe(true);
    let text = '';
    for await (const chunk of response) text += chunk;
    expect(idsIn(text)).toEqual(upTo(last));
  });
});
