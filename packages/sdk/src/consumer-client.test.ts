import { once } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { ConsumerClient, type ConsumerClientOptions } from './consumer-client.ts';
import { openNodeSocket } from './node-socket.ts';
import type { OpenSocket } from './socket.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A gateway's side of the wire, of which `onConnection` says what it does. */
async function connect(
  onConnection: (socket: WebSocket, connection: number) => void,
  options: Partial<ConsumerClientOptions> = {},
  openSocket: OpenSocket = openNodeSocket,
) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'motience.v1' });
  await once(server, 'listening');
  const seen = {
    urls: [] as string[],
    offers: [] as string[],
    frames: [] as unknown[],
    /** Another client of the same gateway. */
    open(more: Partial<ConsumerClientOptions>) {
      const client = new ConsumerClient(
        { gatewayUrl, tokens: { accessToken: async () => 'the.token' }, ...more },
        openSocket,
      );
      closing.push(() => client.stop());
      return client;
    },
  };
  server.on('connection', (socket, request) => {
    seen.urls.push(request.url ?? '');
    seen.offers.push(request.headers['sec-websocket-protocol'] ?? '');
    socket.on('message', (data) => seen.frames.push(JSON.parse(data.toString())));
    onConnection(socket, seen.urls.length);
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  const gatewayUrl = `ws://127.0.0.1:${address.port}`;
  closing.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return { client: seen.open(options), seen };
}

const welcome = (seq: number) =>
  JSON.stringify({ type: 'welcome', session_id: 's', streams: [{ producer_id: '7', epoch: 'e', seq }] });
const reading = (seq: number, data = '{}') =>
  `{"producer_id":"7","device_id":"d","timestamp":"2026-01-01T00:00:00Z","data":${data},"seq":${seq}}`;

const subscribed = (seq: number) =>
  JSON.stringify({ type: 'subscribed', producer_id: '7', epoch: 'e', seq, recovered: true });
const gapFrame = (from: number, to: number) =>
  JSON.stringify({ type: 'gap', producer_id: '7', epoch: 'e', from, to, reason: 'not-retained' });

/** Cuts its first connection after reading 11; then has readings up to 14, of which 14 comes live at once. */
function resuming(socket: WebSocket, connection: number): void {
  if (connection === 1) {
    sendAll(socket, [welcome(10), reading(11)]);
    socket.close(4001, 'slow');
    return;
  }
  sendAll(socket, [welcome(13), reading(14)]);
  socket.on('message', (data) => {
    const { after } = JSON.parse(data.toString());
    socket.send(subscribed(after));
    for (let seq = after + 1; seq <= 14; seq += 1) socket.send(reading(seq));
  });
}

/** A socket as browsers have it: nobody can stop it from reading. */
const unpausable: OpenSocket = (url, token, listener) => {
  const socket = openNodeSocket(url, token, listener);
  return Object.assign(Object.create(socket), { pause: () => false, resume: () => {} });
};

function collectSeqs(client: ConsumerClient): number[] {
  const seqs: number[] = [];
  client.on('reading', ({ reading }) => seqs.push(reading.seq));
  return seqs;
}

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
    await vi.waitFor(() => expect(received).toHaveBeenCalledOnce(), 30_000);
    expect(received.mock.calls[0]?.[0]).toMatchObject({ reading: { seq: 11, device_id: 'd' }, text });
    expect(seen).toMatchObject({ urls: ['/consumer'], offers: ['motience.v1,bearer.the.token'] });
  });

  test('asks for packs, and delivers the readings in them one by one, as they came', async () => {
    const texts = [reading(11, '{ "a":[{}, "]," ] }'), reading(12), reading(13)];
    const { client, seen } = await connect(
      (socket) => sendAll(socket, [welcome(10), `[${texts[0]},${texts[1]}]`, String(texts[2])]),
      { packed: true },
    );
    const received: string[] = [];
    client.on('reading', ({ text }) => received.push(text));
    client.start();
    await vi.waitFor(() => expect(received).toEqual(texts), 30_000);
    expect(seen.urls).toEqual(['/consumer?packed=true']);
  });

  test('asks for manual mode and subscribes to what is wanted', async () => {
    const { client, seen } = await connect((socket) => socket.send(welcome(0)), { mode: 'manual' });
    client.subscribe('9', { deviceId: 'd' });
    client.start();
    await vi.waitFor(
      () => expect(seen.frames).toEqual([{ type: 'subscribe', producer_id: '9', device_id: 'd' }]),
      30_000,
    );
    expect(seen.urls).toEqual(['/consumer?mode=manual']);
    client.unsubscribe('9');
    await vi.waitFor(() => expect(seen.frames).toContainEqual({ type: 'unsubscribe', producer_id: '9' }), 30_000);
  });

  test('connects again and continues where it stood: each reading once, in order', async () => {
    const { client, seen } = await connect(resuming);
    const resumed = vi.fn();
    const gap = vi.fn();
    client.on('resumed', resumed);
    client.on('gap', gap);
    const seqs = collectSeqs(client);
    client.start();
    await vi.waitFor(() => expect(seqs).toEqual([11, 12, 13, 14]), { timeout: 30_000 });
    expect(seen.frames).toEqual([{ type: 'subscribe', producer_id: '7', epoch: 'e', after: 11 }]);
    expect(resumed.mock.calls).toEqual([[{ producer_id: '7', epoch: 'e', seq: 11 }]]);
    expect(gap).not.toHaveBeenCalled();
  });

  test('tells a gap', async () => {
    const { client } = await connect((socket) => {
      sendAll(socket, [welcome(10), gapFrame(11, 14), reading(15)]);
    });
    const gap = vi.fn();
    client.on('gap', gap);
    const seqs = collectSeqs(client);
    client.start();
    await vi.waitFor(() => expect(seqs).toEqual([15]), 30_000);
    expect(gap.mock.calls).toEqual([[{ producerId: '7', epoch: 'e', from: 11, to: 14, reason: 'not-retained' }]]);
  });

  test('positions cover what listeners were called with, and another client continues from them', async () => {
    const { client, seen } = await connect((socket, connection) => {
      if (connection === 1) return sendAll(socket, [welcome(10), reading(11), reading(12)]);
      return resuming(socket, connection);
    });
    const covered: number[] = [];
    client.on('reading', () => covered.push(...client.positions.map(({ seq }) => seq)));
    client.start();
    await vi.waitFor(() => expect(covered).toEqual([11, 12]), 30_000);
    const positions = client.positions;
    await client.stop();
    const next = seen.open({ positions });
    const seqs = collectSeqs(next);
    next.start();
    await vi.waitFor(() => expect(seqs).toEqual([13, 14]), 30_000);
  });

  test('positions cover what the iterator’s caller has finished with, not what it has in hand', async () => {
    const { client } = await connect((socket) => {
      sendAll(socket, [welcome(10), reading(11), reading(12), gapFrame(13, 19)]);
    });
    const gap = vi.fn();
    client.on('gap', gap);
    const stand = () => client.positions.map(({ seq }) => seq);
    const readings = client.readings();
    client.start();
    await vi.waitFor(() => expect(gap).toHaveBeenCalledOnce(), 30_000);
    expect(stand()).toEqual([10]);
    await readings.next();
    expect(stand()).toEqual([10]);
    await readings.next();
    expect(stand()).toEqual([11]);
    const waiting = readings.next();
    expect(stand()).toEqual([19]);
    await client.stop();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  test('what one reader of the iterator left is for the next one', async () => {
    const { client } = await connect((socket) => sendAll(socket, [welcome(0), reading(1), reading(2), reading(3)]));
    const first = client.readings();
    expect(() => client.readings()).toThrow('one reader');
    client.start();
    for await (const { reading } of first) {
      expect(reading.seq).toBe(1);
      break;
    }
    expect(await first.next()).toEqual({ done: true, value: undefined });
    for await (const { reading } of client.readings()) {
      expect(reading.seq).toBe(2);
      break;
    }
  });

  test('asks for what has no room once there is room, where the server cannot be held back', async () => {
    const count = 300;
    const { client, seen } = await connect(
      (socket) => {
        socket.send(welcome(0));
        for (let seq = 1; seq <= count; seq += 1) socket.send(reading(seq));
        socket.on('message', (data) => {
          const { after } = JSON.parse(data.toString());
          socket.send(subscribed(after));
          for (let seq = after + 1; seq <= count; seq += 1) socket.send(reading(seq));
        });
      },
      { bufferReadings: 50 },
      unpausable,
    );
    const gap = vi.fn();
    client.on('gap', gap);
    client.start();
    let next = 1;
    for await (const { reading } of client.readings()) {
      expect(reading.seq).toBe(next);
      if (next % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (next === count) break;
      next += 1;
    }
    expect(seen.frames).not.toEqual([]);
    expect(gap).not.toHaveBeenCalled();
  });

  test('asks for many streams no faster than the gateway allows', async () => {
    const streams = Array.from({ length: 25 }, (_, at) => ({ producer_id: String(at + 1), epoch: 'e', seq: 5 }));
    const { client, seen } = await connect(
      (socket) => socket.send(JSON.stringify({ type: 'welcome', session_id: 's', streams })),
      { positions: streams.map((stream) => ({ ...stream, seq: 2 })) },
    );
    client.start();
    const started = performance.now();
    await vi.waitFor(() => expect(seen.frames).toHaveLength(25), { timeout: 30_000 });
    expect(new Set(seen.frames.map((frame) => JSON.stringify(frame))).size).toBe(25);
    expect(performance.now() - started).toBeGreaterThan(900);
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
    const gap = vi.fn();
    client.on('gap', gap);
    const readings = client.readings();
    client.start();
    let next = 1;
    for await (const { reading } of readings) {
      expect(reading.seq).toBe(next);
      if (next % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (next === count) break;
      next += 1;
    }
    expect(gap).not.toHaveBeenCalled();
  });

  test('frames of a type this version does not know change nothing', async () => {
    const { client } = await connect((socket) => sendAll(socket, [welcome(0), '{"type":"news"}', '[', reading(1)]));
    client.start();
    await vi.waitFor(() => expect(client.state.received).toBe(1), 30_000);
  });
});
