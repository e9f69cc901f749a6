import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AuthClient, SubscriptionsClient } from './index.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const user = {
  id: '1',
  username: 'pat',
  role: 'producer',
  device_id: null,
  email: null,
  name: null,
  created_at: '2026-01-01T00:00:00.000Z',
} as const;
const tokens = (number: number, expires_in = 3_600) => ({
  access_token: `access-${number}`,
  refresh_token: `refresh-${number}`,
  token_type: 'Bearer' as const,
  expires_in,
  refresh_expires_in: 600_000,
  user,
});
const refused = (kind: string, message = kind) => ({ error: { kind, message, request_id: 'r' } });

interface Call {
  method: string;
  url: string;
  bearer: string;
  body: unknown;
}
type Answer = [status: number, body?: unknown, headers?: Record<string, string>];

/** The service's side of the wire: each call is answered by the test, and `'hang up'` loses the answer. */
async function serve(answer: (call: Call) => Answer | 'hang up') {
  const calls: Call[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const bearer = (request.headers.authorization ?? '').replace('Bearer ', '');
      const call = { method: request.method ?? '', url: request.url ?? '', bearer, body: text && JSON.parse(text) };
      calls.push(call);
      const given = answer(call);
      if (given === 'hang up') return request.socket.destroy();
      const [status, body, headers] = given;
      return response.writeHead(status, headers).end(body === undefined ? undefined : JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  return { calls, url: `http://127.0.0.1:${address.port}` };
}

describe('AuthClient', () => {
  test('a refusal keeps its kind, message, field errors and wait', async () => {
    const details = [{ path: 'username', message: 'expected letters' }];
    const { url } = await serve(() => [
      429,
      { error: { kind: 'rate-limited', message: 'slow down', details, request_id: 'r' } },
      { 'retry-after': '7' },
    ]);
    await expect(new AuthClient({ authUrl: url }).login({ username: 'pat', password: 'x' })).rejects.toMatchObject({
      kind: 'rate-limited',
      message: 'slow down',
      details,
      retryAfterSeconds: 7,
    });
  });

  test.each([
    [502, 'unavailable'],
    [404, 'not-found'],
    [500, 'internal'],
  ] as const)('status %i without our error body is %s', async (status, kind) => {
    const { url } = await serve(() => [status]);
    await expect(new AuthClient({ authUrl: url }).login({ username: 'pat', password: 'x' })).rejects.toMatchObject({
      kind,
    });
  });

  test('an answer that is not the contract’s is internal; a service that is not there is unavailable', async () => {
    const { url } = await serve(() => [200, { access_token: 1 }]);
    const login = (authUrl: string) => new AuthClient({ authUrl }).login({ username: 'pat', password: 'x' });
    await expect(login(url)).rejects.toMatchObject({ kind: 'internal' });
    await expect(login('http://127.0.0.1:1')).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('Session', () => {
  test('callers that need a new token at the same time share one refresh', async () => {
    const { url, calls } = await serve(() => [200, tokens(2)]);
    const session = new AuthClient({ authUrl: url }).resume(tokens(1));
    const all = await Promise.all([1, 2, 3].map(() => session.accessToken('access-1')));
    expect(all).toEqual(['access-2', 'access-2', 'access-2']);
    expect(calls.map(({ body }) => body)).toEqual([{ refresh_token: 'refresh-1' }]);
  });

  test('a token that another caller has already replaced is not refreshed again', async () => {
    const { url, calls } = await serve(() => [200, tokens(2)]);
    const session = new AuthClient({ authUrl: url }).resume(tokens(1));
    await session.accessToken('access-1');
    expect(await session.accessToken('access-1')).toBe('access-2');
    expect(calls).toHaveLength(1);
  });

  test('the token is renewed before it ends', async () => {
    const { url } = await serve(() => [200, tokens(2)]);
    const session = new AuthClient({ authUrl: url }).resume(tokens(1, 0));
    expect(await session.accessToken()).toBe('access-2');
  });

  test('a refresh whose answer is lost is asked for again with the same token', async () => {
    let lost = 0;
    const { url, calls } = await serve(() => {
      lost += 1;
      return lost <= 2 ? 'hang up' : [200, tokens(2)];
    });
    const session = new AuthClient({ authUrl: url }).resume(tokens(1));
    expect(await session.accessToken('access-1')).toBe('access-2');
    expect(calls.map(({ body }) => body)).toEqual(Array(3).fill({ refresh_token: 'refresh-1' }));
  });

  test('a token that is still good is used on while a refresh is not possible', async () => {
    const { url } = await serve(() => [503, refused('unavailable')]);
    const session = new AuthClient({ authUrl: url }).resume(tokens(1, 30));
    vi.useFakeTimers({ toFake: ['performance'], now: performance.now() });
    closing.push(() => vi.useRealTimers());
    vi.advanceTimersByTime(20_000);
    expect(await session.accessToken()).toBe('access-1');
    await expect(session.accessToken('access-1')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('a refused refresh ends the session, once and for good', async () => {
    const { url, calls } = await serve(() => [401, refused('unauthenticated')]);
    const session = new AuthClient({ authUrl: url }).resume(tokens(1));
    const ended = vi.fn();
    session.on('ended', ended);
    await expect(session.accessToken('access-1')).rejects.toMatchObject({ kind: 'unauthenticated' });
    await expect(session.accessToken()).rejects.toMatchObject({ kind: 'unauthenticated' });
    expect(calls).toHaveLength(1);
    expect(ended).toHaveBeenCalledOnce();
  });

  test('a request refused for its token is made once more with a new one', async () => {
    const { url, calls } = await serve(({ url, bearer }) => {
      if (url === '/refresh') return [200, tokens(2)];
      return bearer === 'access-2' ? [200, { ...user, name: 'Pat' }] : [401, refused('token-expired')];
    });
    const session = new AuthClient({ authUrl: url }).resume(tokens(1));
    expect((await session.me()).name).toBe('Pat');
    expect(session.user.name).toBe('Pat');
    expect(calls.map(({ url, bearer }) => [url, bearer])).toEqual([
      ['/me', 'access-1'],
      ['/refresh', ''],
      ['/me', 'access-2'],
    ]);
  });

  test('no token is ever in an address', async () => {
    const { url, calls } = await serve(({ url }) => {
      if (url.startsWith('/devices') || url.startsWith('/producers')) return [200, { items: [], next_cursor: null }];
      return [204];
    });
    const session = new AuthClient({ authUrl: url }).resume(tokens(1));
    await session.producers({ q: 'a b&c', limit: 5, cursor: 'x' });
    await session.removeDevice('a/b');
    await session.logout();
    expect(calls.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /producers?limit=5&cursor=x&q=a+b%26c',
      'DELETE /devices/a%2Fb',
      'POST /logout',
    ]);
    await expect(session.accessToken()).rejects.toMatchObject({ kind: 'unauthenticated' });
  });
});

describe('SubscriptionsClient', () => {
  test('asks for the signed-in account unless told otherwise', async () => {
    const subscription = {
      id: '5',
      consumer_id: '1',
      producer_id: '7',
      plan_id: null,
      status: 'active',
      created_at: '2026-01-01T00:00:00.000Z',
      ended_at: null,
    };
    const { url, calls } = await serve(({ method }) =>
      method === 'GET' ? [200, { items: [], next_cursor: null }] : [200, subscription],
    );
    const session = new AuthClient({ authUrl: url }).resume(tokens(1));
    const subscriptions = new SubscriptionsClient({ subscriptionUrl: `${url}/`, session });
    expect(await subscriptions.subscribe('7')).toEqual(subscription);
    await subscriptions.subscribe('7', '4');
    await subscriptions.unsubscribe('7');
    await subscriptions.subscriptions();
    await subscriptions.subscribers({ limit: 3 }, '9');
    expect(calls.map(({ method, url, body }) => [method, url, body])).toEqual([
      ['POST', '/subscribe', { producer_id: '7' }],
      ['POST', '/subscribe', { producer_id: '7', plan_id: '4' }],
      ['DELETE', '/unsubscribe', { producer_id: '7' }],
      ['GET', '/subscriptions/1', ''],
      ['GET', '/subscribers/9?limit=3', ''],
    ]);
  });
});
