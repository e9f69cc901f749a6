import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ConsumerEventSource, type ConsumerEventSourceOptions } from './consumer-event-source.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Answer = (response: ServerResponse) => unknown;

/** A gateway's side over HTTP; answers each request by the next of `answers`, and then by the last. */
async function connect(answers: readonly Answer[], options: Partial<ConsumerEventSourceOptions> = {}) {
  const requests: { url: string; authorization: string | undefined; lastEventId: unknown }[] = [];
  const server = createServer((request, response) => {
    const { authorization, 'last-event-id': lastEventId } = request.headers;
    requests.push({ url: request.url ?? '', authorization, lastEventId });
    answers[Math.min(requests.length, answers.length) - 1]?.(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  const source = new ConsumerEventSource({
    gatewayUrl: `http://127.0.0.1:${address.port}`,
    tokens: { accessToken: async (rejected) => (rejected === undefined ? 'the.token' : 'a.newer.token') },
    producerId: '7',
    ...options,
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  closing.push(() => source.stop());
  return { source, requests };
}

const begin = (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('retry: 1000\n\n: ping\n\n');
};
const readingText = (seq: number) =>
  `{"producer_id":"7","device_id":"d","timestamp":"2026-01-01T00:00:00Z","data":{ "ü":1e400 },"seq":${seq}}`;
const reading = (seq: number, text = readingText(seq)) => `id: e:${seq}\ndata: ${text}\n\n`;
const control = (frame: { type: string; [field: string]: unknown }) =>
  `event: ${frame.type}\ndata: ${JSON.stringify(frame)}\n\n`;
const subscribed = (seq: number) => control({ type: 'subscribed', producer_id: '7', epoch: 'e', seq, recovered: true });
const from = (after: number, to: number): Answer => {
  return (response) => {
    begin(response);
    response.write(subscribed(after));
    for (let seq = after + 1; seq <= to; seq += 1) response.write(reading(seq));
  };
};
const refuse = (status: number, kind: string): Answer => {
  return (response) => {
    const error = { kind, message: `because ${kind}`, request_id: 'r' };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  };
};

function collect(source: ConsumerEventSource): number[] {
  const seqs: number[] = [];
  source.on('reading', ({ reading }) => seqs.push(reading.seq));
  return seqs;
}

describe('ConsumerEventSource', () => {
  test('delivers readings byte for byte; the token is in a header and nowhere else', async () => {
    const { source, requests } = await connect([from(10, 11)], { deviceId: 'd' });
    const received = vi.fn();
    source.on('reading', received);
    source.start();
    await vi.waitFor(() => expect(received).toHaveBeenCalledOnce(), 30_000);
    expect(received.mock.calls[0]?.[0]).toMatchObject({ text: readingText(11), epoch: 'e' });
    expect(requests).toEqual([
      { url: '/consumer/sse?producer_id=7&device_id=d', authorization: 'Bearer the.token', lastEventId: undefined },
    ]);
  });

  test('asks for a narrowed stream', async () => {
    const { source, requests } = await connect([from(10, 11)], { fields: ['a', 'b,c'], maxRate: 2 });
    source.start();
    await vi.waitFor(() => expect(requests).toHaveLength(1), 30_000);
    expect(requests[0]).toMatchObject({ url: '/consumer/sse?producer_id=7&fields=a&fields=b%2Cc&max_rate=2' });
  });

  test('a character that is cut in two arrives whole', async () => {
    const { source } = await connect([
      async (response) => {
        begin(response);
        response.write(subscribed(10));
        const bytes = Buffer.from(reading(11));
        const middle = bytes.indexOf('ü') + 1;
        response.write(bytes.subarray(0, middle));
        await new Promise((resolve) => setTimeout(resolve, 50));
        response.write(bytes.subarray(middle));
      },
    ]);
    const received = vi.fn();
    source.on('reading', received);
    source.start();
    await vi.waitFor(() => expect(received.mock.calls[0]?.[0].text).toBe(readingText(11)), 30_000);
  });

  test('after a cut, in the middle of an event too, it continues by Last-Event-ID: each reading once', async () => {
    const cut: Answer = (response) => {
      from(10, 12)(response);
      response.write(reading(13).slice(0, 40), () => response.destroy());
    };
    const { source, requests } = await connect([cut, (response) => response.destroy(), from(12, 14)]);
    const gap = vi.fn();
    source.on('gap', gap);
    const seqs = collect(source);
    source.start();
    await vi.waitFor(() => expect(seqs).toEqual([11, 12, 13, 14]), { timeout: 30_000 });
    expect(requests.map(({ lastEventId }) => lastEventId)).toEqual([undefined, 'e:12', 'e:12']);
    expect(gap).not.toHaveBeenCalled();
  });

  test('continues from a saved position, and tells gaps', async () => {
    const { source, requests } = await connect(
      [
        (response) => {
          begin(response);
          response.write(subscribed(3));
          response.write(
            control({ type: 'gap', producer_id: '7', epoch: 'e', from: 4, to: 6, reason: 'not-retained' }),
          );
          response.write(reading(7));
        },
      ],
      { position: { producer_id: '7', epoch: 'e', seq: 3 } },
    );
    const gap = vi.fn();
    source.on('gap', gap);
    const seqs = collect(source);
    expect(source.position?.seq).toBe(3);
    source.start();
    await vi.waitFor(() => expect(seqs).toEqual([7]), 30_000);
    expect(gap.mock.calls).toEqual([[{ producerId: '7', epoch: 'e', from: 4, to: 6, reason: 'not-retained' }]]);
    expect(requests[0]?.lastEventId).toBe('e:3');
    expect(source.position).toEqual({ producer_id: '7', epoch: 'e', seq: 7 });
  });

  test('a slow reader holds the server back and loses nothing', async () => {
    const count = 12_000;
    const padding = 'x'.repeat(1_000);
    let heldBackSince = Number.POSITIVE_INFINITY;
    const { source, requests } = await connect(
      [
        async (response) => {
          begin(response);
          response.write(subscribed(0));
          for (let seq = 1; seq <= count; seq += 1) {
            if (response.write(reading(seq, readingText(seq).replace('ü', padding)))) continue;
            heldBackSince = performance.now();
            await once(response, 'drain');
            heldBackSince = Number.POSITIVE_INFINITY;
          }
        },
      ],
      { bufferReadings: 400 },
    );
    const readings = source.readings();
    source.start();
    await vi.waitFor(
      () => {
        expect(source.state.received).toBeGreaterThan(199);
        expect(performance.now() - heldBackSince).toBeGreaterThan(2_000);
      },
      { timeout: 30_000 },
    );
    let next = 0;
    for await (const { reading } of readings) {
      next += 1;
      expect(reading.seq).toBe(next);
      if (next === count) break;
    }
    expect(requests).toHaveLength(1);
  });

  test('an expired token is renewed and the stream goes on', async () => {
    const expire: Answer = (response) => {
      from(10, 11)(response);
      response.end(control({ type: 'error', kind: 'token-expired', detail: 'expired' }));
    };
    const { source, requests } = await connect([expire, from(11, 12)]);
    const closed = vi.fn();
    source.on('closed', closed);
    const seqs = collect(source);
    source.start();
    await vi.waitFor(() => expect(seqs).toEqual([11, 12]), { timeout: 30_000 });
    expect(closed.mock.calls[0]?.[0]).toMatchObject({ code: 4003, reconnect: true });
    expect(requests.map(({ authorization }) => authorization)).toEqual(['Bearer the.token', 'Bearer a.newer.token']);
  });

  test.each([
    [403, 'forbidden'],
    [404, 'not-found'],
    [400, 'invalid-request'],
  ])('status %i ends it, and the reader is told why', async (status, kind) => {
    const { source, requests } = await connect([refuse(status, kind)]);
    const readings = source.readings();
    source.start();
    await expect(readings.next()).rejects.toMatchObject({ kind, message: `because ${kind}` });
    expect(requests).toHaveLength(1);
  });

  test('status 503 is waited out, longer each time, and 401 asks for another token once', async () => {
    const unavailable = refuse(503, 'unavailable');
    const { source } = await connect([unavailable, unavailable, refuse(401, 'unauthenticated'), from(10, 11)]);
    const attempts: number[] = [];
    source.on('connection', (state) => {
      if (state.phase === 'waiting') attempts.push(state.attempt);
    });
    const seqs = collect(source);
    source.start();
    await vi.waitFor(() => expect(seqs).toEqual([11]), { timeout: 30_000 });
    expect(attempts).toEqual([1, 2, 3]);
  });

  test('takes no address that holds a secret, or is none', () => {
    const make = (gatewayUrl: string) => () =>
      new ConsumerEventSource({ gatewayUrl, tokens: { accessToken: async () => '' }, producerId: '7' });
    expect(make('http://127.0.0.1/?token=x')).toThrow('must not hold');
    expect(make('ftp://127.0.0.1')).toThrow('expected http');
  });
});
