import { createLogger, createMetrics } from '@motience/service-kit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';
import { type GatewayServer, startGatewayServer } from './gateway-server.ts';

interface Handlers {
  open?: () => void;
  receiveText?: (text: string) => void;
  log?: (line: string) => void;
}

/** A server whose sockets are all admitted; frames they send reach `receiveText`. */
async function serve({ open = () => {}, receiveText = () => {}, log = () => {} }: Handlers): Promise<GatewayServer> {
  const server = await startGatewayServer<object>({
    host: '127.0.0.1',
    port: 0,
    portVariable: 'PORT',
    path: '/socket',
    tls: undefined,
    trustProxy: 0,
    metricsToken: undefined,
    maxFrameBytes: 1024,
    maxBackpressureBytes: 1024 * 1024,
    pingSeconds: 30,
    idleTimeoutSeconds: 120,
    newSocketsPerMinute: 1_000,
    readiness: async () => ({ status: 200, body: { status: 'ready', parts: {} } }),
    metrics: createMetrics('test'),
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
    receiveBinary: () => {},
    closed: () => {},
  });
  onTestFinished(() => server.close());
  return server;
}

const fail = () => {
  throw new Error('a mistake of ours');
};

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
