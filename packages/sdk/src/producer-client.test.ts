import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { MemoryQueue, ProducerClient, type ProducerClientOptions } from './index.ts';

const sentSchema = z.object({ device_id: z.string(), sequence: z.int().optional(), data: z.unknown() });
type Sent = z.infer<typeof sentSchema>;

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  return address.port;
}

/** The gateway's side of the wire, as the contract describes it; each test says what it does with a frame. */
class GatewayPeer {
  readonly #server: WebSocketServer;
  readonly urls: string[] = [];
  readonly offers: string[] = [];
  readonly frames: string[] = [];
  readonly readings: Sent[] = [];
  readonly listening: Promise<unknown>;
  connections = 0;
  onFrame: (socket: WebSocket, readings: Sent[], received: number) => void = (socket, _readings, received) =>
    socket.send(JSON.stringify({ type: 'ack', through: received }));

  constructor() {
    this.#server = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      handleProtocols: (offered) => (offered.has('motience.v1') ? 'motience.v1' : false),
    });
    this.listening = once(this.#server, 'listening');
    this.#server.on('connection', (socket, request) => {
      this.connections += 1;
      this.urls.push(request.url ?? '');
      this.offers.push(request.headers['sec-websocket-protocol'] ?? '');
      let received = 0;
      socket.on('message', (data) => {
        const text = data.toString();
        const value: unknown = JSON.parse(text);
        const readings = z.array(sentSchema).parse(Array.isArray(value) ? value : [value]);
        received += readings.length;
        this.frames.push(text);
        this.readings.push(...readings);
        this.onFrame(socket, readings, received);
      });
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${portOf(this.#server)}`;
  }

  close(): void {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function connect(options: Partial<ProducerClientOptions> = {}) {
  const peer = new GatewayPeer();
  await peer.listening;
  const client = new ProducerClient({
    gatewayUrl: peer.url,
    tokens: { accessToken: async () => 'the.token' },
    ...options,
  });
  closing.push(() => peer.close());
  closing.push(() => client.stop());
  return { peer, client };
}

const reading = (value: number) => ({ device_id: 'a', timestamp: '2026-01-01T00:00:00Z', data: { value } });
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

describe('ProducerClient', () => {
  test('the token travels as a subprotocol and not in the address', async () => {
    const { peer, client } = await connect();
    client.start();
    await vi.waitFor(() => expect(peer.connections).toBe(1), 30_000);
    expect(peer.urls).toEqual(['/producer']);
    expect(peer.offers).toEqual(['motience.v1,bearer.the.token']);
  });

  test('an address that holds a token is refused', () => {
    const tokens = { accessToken: async () => 't' };
    expect(() => new ProducerClient({ gatewayUrl: 'ws://127.0.0.1/producer?token=x', tokens })).toThrow(TypeError);
  });

  test('what was queued before the start is sent in order and settled', async () => {
    const { peer, client } = await connect();
    await client.sendAll(upTo(1_200).map(reading));
    client.start();
    await client.settled();
    expect(peer.readings.map(({ data }) => data)).toEqual(upTo(1_200).map((value) => ({ value })));
    expect(peer.frames.length).toBeLessThan(10);
    expect(client.state).toMatchObject({ acknowledged: 1_200, queued: 0, inFlight: 0 });
  });

  test('data given as text travels byte for byte', async () => {
    const { peer, client } = await connect({ assignSequence: true });
    const data = '{ "big":12345678901234567890, "huge":1e400,"a":"\\u00e9é" }';
    await client.send(`{"device_id":"a","timestamp":"2026-01-01T00:00:00Z","data":${data}}`);
    client.start();
    await client.settled();
    expect(peer.frames[0]).toContain(`"data":${data},"sequence":1}`);
  });

  test('a reading the gateway would refuse is not queued', async () => {
    const { client } = await connect();
    const bad = { ...reading(1), timestamp: 'yesterday' };
    await expect(client.sendAll([reading(1), bad])).rejects.toMatchObject({ kind: 'invalid-request' });
    // UTF-8, and so the wire, has nothing for half of a surrogate pair.
    const half = '{"device_id":"a","timestamp":"2026-01-01T00:00:00Z","data":{"text":"\ud800"}}';
    await expect(client.send(half)).rejects.toMatchObject({ kind: 'invalid-request' });
    await expect(client.send(`[${JSON.stringify(reading(1))}]`)).rejects.toMatchObject({ kind: 'invalid-request' });
    expect(client.state.queued).toBe(0);
  });

  test('after a cut the unacknowledged readings are sent again under their numbers', async () => {
    const { peer, client } = await connect({ assignSequence: true });
    peer.onFrame = (socket, _readings, received) => {
      if (peer.connections === 1 && received > 1) socket.terminate();
      else socket.send(JSON.stringify({ type: 'ack', through: received }));
    };
    await client.sendAll(upTo(5).map(reading));
    client.start();
    await client.settled();
    expect(peer.connections).toBe(2);
    expect(peer.readings.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 2, 3, 4, 5]);
  });

  test('a gateway that has higher numbers is told of, and nothing is lost', async () => {
    const { peer, client } = await connect({ assignSequence: true });
    const stored: Sent[] = [];
    let last = 900;
    peer.onFrame = (socket, readings, received) => {
      for (const next of readings) {
        const sequence = next.sequence ?? 0;
        if (sequence <= last) socket.send(JSON.stringify({ type: 'repeat', device_id: 'a', sequence: last }));
        else {
          last = sequence;
          stored.push(next);
        }
      }
      socket.send(JSON.stringify({ type: 'ack', through: received }));
    };
    const told = vi.fn();
    client.on('repeat', told);
    await client.sendAll(upTo(5).map(reading));
    client.start();
    await client.settled();
    expect(stored.map(({ data }) => data)).toEqual(upTo(5).map((value) => ({ value })));
    expect(stored.map(({ sequence }) => sequence)).toEqual([901, 902, 903, 904, 905]);
    expect(told.mock.calls).toEqual([[{ deviceId: 'a', sequence: 900, renumbered: true }]]);
  });

  test('each change of the connection is told once, and what it is about', async () => {
    const { peer, client } = await connect();
    peer.onFrame = (socket, _readings, received) => {
      if (peer.connections === 1) socket.close(4002, 'unavailable');
      else socket.send(JSON.stringify({ type: 'ack', through: received }));
    };
    const told: string[] = [];
    client.on('connection', (state) => told.push(state.phase));
    client.on('closed', ({ code, meaning }) => told.push(`${code} ${meaning}`));
    await client.send(reading(1));
    client.start();
    await client.settled();
    await client.stop();
    await vi.waitFor(() => expect(told.at(-1)).toBe('stopped'), 30_000);
    expect(told).toEqual([
      'connecting',
      'open',
      'waiting',
      '4002 temporarily unavailable',
      'connecting',
      'open',
      'stopped',
    ]);
  });

  test('a refused reading is reported with itself and leaves the queue', async () => {
    const { peer, client } = await connect();
    peer.onFrame = (socket, _readings, received) => {
      socket.send(JSON.stringify({ type: 'error', kind: 'not-found', detail: 'no such device', reading: received }));
      socket.send(JSON.stringify({ type: 'ack', through: received }));
    };
    const refused = vi.fn();
    client.on('refused', refused);
    const queued = await client.send(reading(1));
    client.start();
    await client.settled();
    expect(refused).toHaveBeenCalledExactlyOnceWith({ reading: queued, kind: 'not-found', detail: 'no such device' });
    expect(client.state).toMatchObject({ refused: 1, queued: 0 });
  });

  test('an expired token is renewed and the stream goes on', async () => {
    const accessToken = vi.fn(async (rejected?: string) => (rejected === undefined ? 'old' : 'new'));
    const { peer, client } = await connect({ tokens: { accessToken } });
    peer.onFrame = (socket, _readings, received) => {
      if (peer.connections === 1) socket.close(4003, 'expired');
      else socket.send(JSON.stringify({ type: 'ack', through: received }));
    };
    await client.send(reading(1));
    client.start();
    await client.settled();
    expect(accessToken.mock.calls).toEqual([[undefined], ['old']]);
    expect(peer.offers.at(-1)).toBe('motience.v1,bearer.new');
  });

  test('a refusal for good stops the client, says why, and keeps what is queued', async () => {
    const { peer, client } = await connect();
    peer.onFrame = (socket) => {
      socket.send(JSON.stringify({ type: 'error', kind: 'forbidden', detail: 'not a producer' }));
      socket.close(4501);
    };
    await client.send(reading(1));
    client.start();
    await expect(client.settled()).rejects.toMatchObject({ kind: 'forbidden', message: 'not a producer' });
    expect(client.state).toMatchObject({ queued: 1, connection: { phase: 'stopped', ended: { code: 4501 } } });
  });

  test('a plain HTTP refusal of the upgrade is tried again', async () => {
    const server = createServer((_request, response) => response.writeHead(429).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { client } = await connect({ gatewayUrl: `ws://127.0.0.1:${portOf(server)}` });
    client.start();
    await vi.waitFor(
      () => expect(client.state.connection).toMatchObject({ phase: 'waiting', ended: { code: 1006 } }),
      30_000,
    );
  });

  test('a full queue holds the sender back until there is room', async () => {
    const { peer, client } = await connect({ queue: new MemoryQueue({ maxReadings: 2 }) });
    let third = false;
    await client.sendAll([reading(1), reading(2)]);
    const sending = client.send(reading(3)).then(() => {
      third = true;
    });
    await new Promise(setImmediate);
    expect(third).toBe(false);
    client.start();
    await sending;
    await client.settled();
    expect(peer.readings).toHaveLength(3);
  });

  test('a full queue refuses, or drops the oldest and counts it, as asked', async () => {
    const refusing = (await connect({ queue: new MemoryQueue({ maxReadings: 1 }), whenFull: 'refuse' })).client;
    await refusing.send(reading(1));
    await expect(refusing.send(reading(2))).rejects.toMatchObject({ kind: 'unavailable' });
    const { peer, client } = await connect({ queue: new MemoryQueue({ maxReadings: 2 }), whenFull: 'drop-oldest' });
    await client.sendAll(upTo(5).map(reading));
    expect(client.state).toMatchObject({ queued: 2, dropped: 3 });
    client.start();
    await client.settled();
    expect(peer.readings.map(({ data }) => data)).toEqual([{ value: 4 }, { value: 5 }]);
  });

  test('stopping queues what was sent before if there is room, and refuses the rest', async () => {
    const { client } = await connect({ queue: new MemoryQueue({ maxReadings: 2 }) });
    const sends = [1, 2, 3].map((value) => client.send(reading(value)));
    const outcomes = Promise.allSettled(sends);
    expect(await client.stop()).toEqual({ left: 2 });
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  });

  test('a reading larger than the whole queue is refused instead of waiting for ever', async () => {
    const { client } = await connect({ queue: new MemoryQueue({ maxBytes: 50 }) });
    await expect(client.send(reading(1))).rejects.toMatchObject({ kind: 'too-large' });
  });

  test('stopping flushes what it can, closes, and tells what is left', async () => {
    const { peer, client } = await connect();
    await client.sendAll(upTo(3).map(reading));
    client.start();
    expect(await client.stop({ flushMs: 5_000 })).toEqual({ left: 0 });
    await expect(client.send(reading(4))).rejects.toMatchObject({ kind: 'unavailable' });
    const silent = await connect();
    silent.peer.onFrame = () => {};
    await silent.client.sendAll(upTo(3).map(reading));
    silent.client.start();
    await vi.waitFor(() => expect(silent.peer.readings.length).toBeGreaterThan(0), 30_000);
    expect(await silent.client.stop({ flushMs: 50 })).toEqual({ left: 3 });
    expect(peer.readings).toHaveLength(3);
  });

  test('a listener that throws stops nothing but itself', async () => {
    const thrown = vi.fn();
    process.once('uncaughtException', thrown);
    const { client } = await connect();
    client.on('ack', () => {
      throw new Error('from a listener');
    });
    await client.send(reading(1));
    client.start();
    await client.settled();
    expect(thrown).toHaveBeenCalledOnce();
  });
});
