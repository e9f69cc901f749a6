import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Link } from './link.ts';

let server: Server;
let accepted: Socket[];
let link: Link;
let client: Socket;
let received: string;

beforeEach(async () => {
  accepted = [];
  received = '';
  server = createServer((socket) => {
    accepted.push(socket.on('error', () => {}));
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  link = await Link.open(typeof address === 'object' && address ? address.port : 0);
  client = connect(link.port, '127.0.0.1').on('error', () => {});
  client.on('data', (bytes) => (received += bytes));
});
afterEach(async () => {
  client.destroy();
  for (const socket of accepted) socket.destroy();
  await link.close();
  server.close();
});

const comesBack = (text: string) => vi.waitFor(() => expect(received).toBe(text), { timeout: 30_000, interval: 5 });

describe('a link', () => {
  it('carries bytes both ways, in order, however many', async () => {
    const text = Array.from({ length: 200_000 }, (_, at) => String(at)).join(' ');
    client.write(text);
    await vi.waitFor(() => expect(received.length).toBe(text.length), { timeout: 30_000 });
    expect(received === text).toBe(true);
  });

  it('passes a close on after the last bytes', async () => {
    client.write('last');
    await vi.waitFor(() => expect(accepted).toHaveLength(1), 30_000);
    accepted[0]?.end('!');
    await once(client, 'close');
    expect(received).toBe('last!');
  });

  it('has bytes arrive later, both ways', async () => {
    await once(client, 'connect');
    link.delay(100);
    const start = performance.now();
    client.write('a');
    client.write('b');
    await comesBack('ab');
    expect(performance.now() - start).toBeGreaterThanOrEqual(195);
  });

  it('ends every connection when it is cut, and takes new ones', async () => {
    client.write('a');
    await comesBack('a');
    link.cut();
    await vi.waitFor(() => expect(client.closed).toBe(true), 30_000);
    client = connect(link.port, '127.0.0.1').on('data', (bytes) => (received += bytes));
    client.write('b');
    await comesBack('ab');
  });

  it.each(['up', 'down', 'both'] as const)('held %s, lets nothing pass that way until it is released', async (way) => {
    client.write('a');
    await comesBack('a');
    link.hold(way);
    client.write('b');
    let echoed = '';
    accepted[0]?.on('data', (bytes) => (echoed += bytes));
    if (way === 'down') await vi.waitFor(() => expect(echoed).toBe('b'), 30_000);
    // Through another link, so that there was time enough.
    else await roundTrip();
    expect(echoed).toBe(way === 'down' ? 'b' : '');
    expect(received).toBe('a');
    link.release();
    await comesBack('ab');
  });
});

/** Sends something to the server past the link and waits for it. */
async function roundTrip(): Promise<void> {
  const address = server.address();
  const direct = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  direct.write('x');
  await once(direct, 'data');
  direct.destroy();
}
