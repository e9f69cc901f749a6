import { once } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { ConsumerClient, type ConsumerClientOptions } from './index.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A gateway's side of the wire, of which `onConnection` says what it does. */
async function connect(
  onConnection: (socket: WebSocket, connection: number) => void,
  options: Partial<ConsumerClientOptions> = {},
) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'motience.v1' });
  await once(server, 'listening');
  const seen = { urls: [] as string[], offers: [] as string[], frames: [] as unknown[] };
  server.on('connection', (socket, request) => {
    seen.urls.push(request.url ?? '');
    seen.offers.push(request.headers['sec-websocket-protocol'] ?? '');
    socket.on('message', (data) => seen.frames.push(JSON.parse(data.toString())));
    onConnection(socket, seen.urls.length);
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  const client = new ConsumerClient({
    gatewayUrl: `ws://127.0.0.1:${address.port}`,
    tokens: { accessToken: async () => 'the.token' },
    ...options,
  });
  closing.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  closing.push(() => client.stop());
  return { client, seen };
}

const welcome = (seq: number) =>
  JSON.stringify({ type: 'welcome', session_id: 's', streams: [{ producer_id: '7', epoch: 'e', seq }] });
const reading = (seq: number, data = '{}') =>
  `{"producer_id":"7","device_id":"d","timestamp":"2026-01-01T00:00:00Z","data":${data},"seq":${seq}}`;

function sendAll(socket: WebSocket, frames: string[]): void {
  for (const frame of frames) socket.send(frame);
}

describe('ConsumerClient', () => {
  test('delivers readings parsed, and as they came', async () => {
    const text = reading(11, '{ "huge":1e400 }');
    const { client, seen } = await connect((socket) => sendAll(socket, [welcome(10), text]));
    const received = vi.fn();
    client.on('reading', received);
    client.start();
    await vi.waitFor(() => expect(received).toHaveBeenCalledOnce());
    expect(received.mock.calls[0]?.[0]).toMatchObject({ reading: { seq: 11, device_id: 'd' }, text });
    expect(seen).toMatchObject({ urls: ['/consumer'], offers: ['motience.v1,bearer.the.token'] });
  });

  test('asks for manual mode and subscribes to what is wanted, again after a cut', async () => {
    const { client, seen } = await connect((socket) => socket.send(welcome(0)), { mode: 'manual' });
    client.subscribe('7', { deviceId: 'd' });
    const wish = { type: 'subscribe', producer_id: '7', device_id: 'd' };
    client.start();
    await vi.waitFor(() => expect(seen.frames).toEqual([wish]));
    expect(seen.urls).toEqual(['/consumer?mode=manual']);
    client.unsubscribe('8');
    await vi.waitFor(() => expect(seen.frames).toEqual([wish, { type: 'unsubscribe', producer_id: '8' }]));
  });

  test('connects again and reports where the stream went on', async () => {
    const { client } = await connect((socket, connection) => {
      if (connection > 1) return sendAll(socket, [welcome(20), reading(21)]);
      sendAll(socket, [welcome(10), reading(11)]);
      socket.close(4001, 'slow');
    });
    const continued = vi.fn();
    const closed = vi.fn();
    client.on('continued', continued);
    client.on('closed', closed);
    client.start();
    await vi.waitFor(() => expect(continued).toHaveBeenCalledOnce());
    expect(continued.mock.calls[0]?.[0]).toMatchObject({ producerId: '7', missed: 9 });
    expect(closed.mock.calls[0]?.[0]).toMatchObject({ code: 4001, reconnect: true });
    await vi.waitFor(() => expect(client.state.positions.get('7')?.seq).toBe(21));
  });

  test('the iterator gives readings in order and ends with stop', async () => {
    const { client } = await connect((socket) => sendAll(socket, [welcome(0), reading(1), reading(2), reading(3)]));
    const readings = client.readings();
    client.start();
    const seqs: number[] = [];
    for await (const { reading } of readings) {
      seqs.push(reading.seq);
      if (seqs.length === 3) await client.stop();
    }
    expect(seqs).toEqual([1, 2, 3]);
  });

  test('the iterator throws the refusal that ended the client', async () => {
    const { client } = await connect((socket) => {
      socket.send(JSON.stringify({ type: 'error', kind: 'forbidden', detail: 'not a consumer' }));
      socket.close(4501);
    });
    const readings = client.readings();
    client.start();
    await expect(readings.next()).rejects.toMatchObject({ kind: 'forbidden', message: 'not a consumer' });
  });

  test('a slow reader holds the server back and loses nothing', async () => {
    const count = 10_000;
    const { client } = await connect(
      (socket) => {
        socket.send(welcome(0));
        for (let seq = 1; seq <= count; seq += 1) socket.send(reading(seq, `{"text":"${'x'.repeat(500)}"}`));
      },
      { bufferReadings: 2_000 },
    );
    const missed = vi.fn();
    client.on('missed', missed);
    const readings = client.readings();
    client.start();
    let next = 1;
    for await (const { reading } of readings) {
      expect(reading.seq).toBe(next);
      if (next % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (next === count) break;
      next += 1;
    }
    expect(missed).not.toHaveBeenCalled();
  });

  test('frames of a type this version does not know change nothing', async () => {
    const { client } = await connect((socket) => sendAll(socket, [welcome(0), '{"type":"news"}', '[', reading(1)]));
    client.start();
    await vi.waitFor(() => expect(client.state.received).toBe(1));
  });
});
