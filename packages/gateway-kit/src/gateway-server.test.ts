import { createLogger } from '@motience/service-kit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';
import { type GatewayServer, startGatewayServer } from './gateway-server.ts';
import { testServerOptions } from './test-server.fixture.ts';

interface Handlers {
  open?: () => void;
  receiveText?: (text: string) => void;
  log?: (line: string) => void;
}

/** A server whose sockets are all admitted; frames they send reach `receiveText`. */
async function serve({ open = () => {}, receiveText = () => {}, log = () => {} }: Handlers): Promise<GatewayServer> {
  const server = await startGatewayServer<object>({
    ...testServerOptions,
    logger: createLogger('test', 'info', { write: log }),
    admit: async () => ({
      claims: { sub: '1', role: 'consumer', sid: 'session', jti: 'token', iat: 0, exp: 0 },
      items: new Map(),
      end: () => {},
    }),
    open: () => {
      open();
      return {};
    },
    receiveText: (_, text) => receiveText(text),
    events: { path: '/events', serve: async (stream) => stream.end() },
  });
  onTestFinished(() => server.close());
  return server;
}

const fail = () => {
  throw new Error('a mistake of ours');
};

describe('over plain HTTP', () => {
  const send = async (path: string, method: string) => {
    const { port } = await serve({});
    return fetch(`http://127.0.0.1:${port}${path}`, { method });
  };

  it.each([
    ['/health', 200],
    ['/ready', 200],
    ['/metrics', 200],
    ['/socket', 400],
    ['/nothing', 404],
  ])('HEAD %s is answered as GET is, without a body', async (path, status) => {
    const [get, head] = [await send(path, 'GET'), await send(path, 'HEAD')];
    expect([get.status, head.status]).toEqual([status, status]);
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
    expect(await head.text()).toBe('');
  });

  it.each([
    ['DELETE', '/health', 'GET, HEAD'],
    ['POST', '/ready', 'GET, HEAD'],
    ['PUT', '/metrics', 'GET, HEAD'],
    ['POST', '/socket', 'GET, HEAD'],
    ['POST', '/events', 'GET, OPTIONS'],
    ['HEAD', '/events', 'GET, OPTIONS'],
  ])('%s %s is told what is allowed', async (method, path, allowed) => {
    const response = await send(path, method);
    expect([response.status, response.headers.get('allow')]).toEqual([405, allowed]);
    if (method !== 'HEAD') expect(await response.json()).toMatchObject({ error: { kind: 'method-not-allowed' } });
  });
});

describe('a text frame that is not UTF-8', () => {
  it('cuts its socket, and the log says why and whose', async () => {
    const lines: string[] = [];
    const { url } = await serve({ log: (line) => void lines.push(line) });
    const socket = await TestSocket.open(url);
    socket.ws.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false });
    expect((await socket.closed).code).toBe(1006);
    await eventually(() => expect(lines).toHaveLength(1));
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      request_id: expect.any(String),
      why: 'Received invalid UTF-8',
    });
  });
});

describe('a mistake in what handles a socket', () => {
  it('closes that socket with 1011 and no other', async () => {
    const received: string[] = [];
    const lines: string[] = [];
    const { url } = await serve({
      receiveText: (text) => (text === 'bad' ? fail() : received.push(text)),
      log: (line) => void lines.push(line),
    });
    const [one, other] = [await TestSocket.open(url), await TestSocket.open(url)];
    onTestFinished(() => other.close());
    one.send('bad');
    expect(await one.closed).toEqual({ code: 1011, reason: 'internal' });
    expect(one.frames).toEqual([
      { type: 'error', kind: 'internal', detail: 'an internal error', request_id: expect.any(String) },
    ]);
    expect(lines.map((line) => JSON.parse(line).request_id)).toEqual(one.frames.map(({ request_id }) => request_id));
    other.send('good');
    await eventually(() => expect(received).toEqual(['good']));
  });

  it('closes a socket that it keeps from opening with 1011', async () => {
    const socket = await TestSocket.open((await serve({ open: fail })).url);
    expect(await socket.closed).toEqual({ code: 1011, reason: 'internal' });
  });
});
