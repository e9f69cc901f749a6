import { connect } from 'node:net';
import { createRoute } from '@hono/zod-openapi';
import { errorBodySchema, Refusal } from '@motience/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../logger.ts';
import { createMetrics } from '../metrics.ts';
import type { ReadinessResult } from '../readiness.ts';
import { clientOf } from './client-of.ts';
import { createHttpApp } from './http-app.ts';
import { errorResponses, jsonBody, jsonResponse } from './openapi.ts';
import { type HttpServer, serveHttp } from './serve-http.ts';

const lines: string[] = [];
let database: ReadinessResult = { ok: true };
let server: HttpServer;

const itemSchema = z.strictObject({
  name: z.string({ error: 'expected a string' }).max(3, 'expected at most 3 characters'),
});
const thrown: Record<string, () => unknown> = {
  conflict: () => new Refusal('conflict', 'that name is taken'),
  limited: () => new Refusal('rate-limited', 'more than 1 per minute', { retryAfterSeconds: 12.3 }),
  bug: () => new TypeError('secret detail of a bug'),
  postgres: () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });
    return Object.assign(new Error('Failed query: select 1\nparams: hunter2', { cause }), { query: 'select 1' });
  },
  redis: () => new Error('LOADING Redis is loading the dataset in memory'),
};

beforeAll(async () => {
  const app = createHttpApp({
    title: 'Test API',
    version: '1.0.0',
    description: 'for tests',
    logger: createLogger('test', 'info', { write: (line) => void lines.push(line) }),
    registry: createMetrics('test'),
    corsOrigins: { listed: ['http://localhost:3010'], ownPorts: [3099] },
    trustProxy: 0,
    metricsToken: 'metrics-token',
    readinessChecks: [{ name: 'database', check: async () => database }],
    bodyLimitBytes: 1000,
    deadlineMs: 300,
    bodyDeadlineMs: 200,
  });
  app.openapi(
    createRoute({
      method: 'post',
      path: '/items/{id}',
      request: { params: z.object({ id: z.string() }), body: jsonBody(itemSchema) },
      responses: { 200: jsonResponse('the item', itemSchema), ...errorResponses('invalid-request') },
    }),
    (context) => context.json(context.req.valid('json'), 200),
  );
  app.get('/throw/:what', (context) => {
    throw thrown[context.req.param('what')]?.();
  });
  app.get('/until-gone', (context) => {
    clientOf(context).signal.addEventListener('abort', () => tellGone());
    tellStarted();
    return new Promise<Response>(() => {});
  });
  app.get('/until-late', (context) => {
    clientOf(context).signal.addEventListener('abort', () => tellLate());
    return new Promise<Response>(() => {});
  });
  app.get('/never', () => new Promise<Response>(() => {}));
  server = await serveHttp(app, { host: '127.0.0.1', port: 0, portVariable: 'TEST_PORT' });
});
afterAll(() => server.stop());

let tellLate = () => {};
let tellStarted = () => {};
const started = new Promise<void>((resolve) => {
  tellStarted = resolve;
});
let tellGone = () => {};
const gone = new Promise<void>((resolve) => {
  tellGone = resolve;
});

const json = { 'content-type': 'application/json' };
const send = (path: string, init: RequestInit = {}) => fetch(server.url + path, init);
const post = (body: string, headers: Record<string, string> = json) =>
  send('/items/1', { method: 'POST', body, headers });
async function errorOf(response: Response) {
  const { error } = errorBodySchema.parse(await response.json());
  expect(response.headers.get('x-request-id')).toBe(error.request_id);
  return { status: response.status, ...error };
}

describe('a request', () => {
  it('gets what the handler answers, with a request id', async () => {
    const response = await post('{"name":"abc"}');
    expect([response.status, await response.json()]).toEqual([200, { name: 'abc' }]);
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('keeps a request id it brought, unless that could forge a log line', async () => {
    expect((await send('/health', { headers: { 'x-request-id': 'abc-1' } })).headers.get('x-request-id')).toBe('abc-1');
    const forged = await send('/health', { headers: { 'x-request-id': 'a","level":"fatal' } });
    expect(forged.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['not JSON', '{"name":', undefined],
    ['nothing', '', undefined],
    ['null', 'null', 'body'],
    ['a list', '[]', 'body'],
    ['a wrong type', '{"name":1}', 'name'],
    ['too long a name', '{"name":"abcd"}', 'name'],
    ['an unknown field', '{"name":"a","x":1}', 'x'],
    ['deep nesting', `{"name":${'['.repeat(400)}${']'.repeat(400)}}`, 'name'],
  ])('with %s is refused as invalid-request', async (_what, body, field) => {
    const error = await errorOf(await post(body));
    expect(error).toMatchObject({ status: 400, kind: 'invalid-request' });
    if (typeof field === 'string') expect(error.details).toMatchObject([{ path: field }]);
  });

  it('cannot reach a prototype through __proto__', async () => {
    const response = await post('{"name":"a","__proto__":{"admin":true}}');
    expect(await response.text()).not.toContain('admin":true');
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  it('with too large a body is refused, declared or not', async () => {
    const large = JSON.stringify({ name: 'x'.repeat(100_000) });
    expect(await errorOf(await post(large))).toMatchObject({ status: 413, kind: 'too-large' });
    const chunks = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(large));
        controller.close();
      },
    });
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body: chunks, headers: json, duplex: 'half' };
    expect(await errorOf(await send('/items/1', init))).toMatchObject({ status: 413, kind: 'too-large' });
  });

  it('whose body is not UTF-8 is refused, declared or not in length', async () => {
    const bytes = Buffer.from('{"name":"a\xff"}', 'latin1');
    const expected = { status: 400, kind: 'invalid-request', message: 'expected a body in UTF-8' };
    expect(await errorOf(await send('/items/1', { method: 'POST', body: bytes, headers: json }))).toMatchObject(
      expected,
    );
    const init: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      body: new Blob([bytes]).stream(),
      headers: json,
      duplex: 'half',
    };
    expect(await errorOf(await send('/items/1', init))).toMatchObject(expected);
  });

  it.each(['content-length: 14', 'transfer-encoding: chunked'])(
    'whose body comes too slowly (%s) is refused, and told in the log without a stack',
    async (length) => {
      const socket = connect(server.port, '127.0.0.1');
      const reply = await new Promise<string>((resolve) => {
        socket.on('data', (data) => resolve(String(data)));
        socket.write(`POST /items/7 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${length}\r\n\r\n`);
      });
      socket.destroy();
      expect(reply).toMatch(/^HTTP\/1.1 400 .*invalid-request.*the body did not arrive within 0.2 s/s);
      const logged = lines.map((line) => JSON.parse(line)).filter(({ path }) => path === '/items/7');
      expect(logged.at(-1)).toMatchObject({ level: 'info', status: 400 });
      expect(lines.filter((line) => line.includes('did not arrive'))).toEqual([]);
    },
  );

  it('whose client goes away is aborted', async () => {
    const request = new AbortController();
    const reply = send('/until-gone', { signal: request.signal });
    await started;
    request.abort();
    await expect(reply).rejects.toThrow('abort');
    await gone;
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', 'application/jsonx'])(
    'with content-type %s is refused as unsupported-media',
    async (type) => {
      expect(await errorOf(await post('{}', { 'content-type': type }))).toMatchObject({
        status: 415,
        kind: 'unsupported-media',
      });
    },
  );

  it('for an unknown path is refused as not-found, whatever its method and body', async () => {
    expect(await errorOf(await send('/nothing'))).toMatchObject({ status: 404, kind: 'not-found' });
    expect(await errorOf(await send('/nothing', { method: 'POST', body: 'x' }))).toMatchObject({ status: 404 });
  });

  it('with the wrong method is told the right one', async () => {
    const response = await send('/items/1');
    expect(response.headers.get('allow')).toBe('POST');
    expect(await errorOf(response)).toMatchObject({ status: 405, kind: 'method-not-allowed' });
    expect((await send('/health', { method: 'DELETE' })).headers.get('allow')).toBe('GET, HEAD');
    expect((await send('/health', { method: 'HEAD' })).status).toBe(200);
  });
});

describe('an error in a handler', () => {
  it('that is a refusal becomes its row of the table', async () => {
    expect(await errorOf(await send('/throw/conflict'))).toMatchObject({
      status: 409,
      kind: 'conflict',
      message: 'that name is taken',
    });
    expect((await send('/throw/limited')).headers.get('retry-after')).toBe('13');
  });

  it('that nobody foresaw is told as internal, and only the log says what it was', async () => {
    const response = await send('/throw/bug');
    const text = await response.clone().text();
    const error = await errorOf(response);
    expect(error).toMatchObject({ status: 500, kind: 'internal' });
    expect(text).not.toContain('secret detail');
    const logged = lines.find((line) => line.includes('secret detail of a bug'));
    expect(logged).toContain(error.request_id);
  });

  it.each(['postgres', 'redis'])('that means %s is away is unavailable, with a wait', async (engine) => {
    const response = await send(`/throw/${engine}`);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(await errorOf(response)).toMatchObject({ status: 503, kind: 'unavailable' });
    expect(lines.join()).not.toContain('hunter2');
  });
});

describe('a handler that never answers', () => {
  it('is unavailable after the deadline', async () => {
    expect(await errorOf(await send('/never'))).toMatchObject({ status: 503, kind: 'unavailable' });
  });

  it('is told by the signal of its client that it is late', async () => {
    const late = new Promise<void>((resolve) => {
      tellLate = resolve;
    });
    expect((await send('/until-late')).status).toBe(503);
    await late;
  });
});

describe('a service', () => {
  it('names the part that keeps it from being ready', async () => {
    expect((await send('/ready')).status).toBe(200);
    database = { ok: false, reason: 'connection refused' };
    const response = await send('/ready');
    database = { ok: true };
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      status: 'unavailable',
      parts: { database: { ok: false, reason: 'connection refused' } },
    });
  });

  it('shows its metrics to this machine, and through a proxy only with the token', async () => {
    expect(await (await send('/metrics')).text()).toContain('http_request_duration_seconds');
    const viaProxy = (authorization: string) =>
      send('/metrics', { headers: { 'x-forwarded-for': '127.0.0.1', authorization } }).then(({ status }) => status);
    expect(await viaProxy('Bearer wrong')).toBe(403);
    expect(await viaProxy('Bearer metrics-token')).toBe(200);
  });

  it('lets the tester pages in, and no other origin', async () => {
    const allowed = async (origin: string) =>
      (await send('/health', { headers: { origin } })).headers.get('access-control-allow-origin');
    expect(await allowed('http://localhost:3010')).toBe('http://localhost:3010');
    expect(await allowed('http://evil.example')).toBeNull();
  });

  it('lets in the tester pages of the host it was reached at', async () => {
    const own = new URL(server.url).hostname;
    const allowed = async (origin: string) => (await send('/health', { headers: { origin } })).headers;
    expect((await allowed(`http://${own}:3099`)).get('access-control-allow-origin')).toBe(`http://${own}:3099`);
    expect((await allowed(`http://${own}:3099`)).get('vary')).toContain('Origin');
    expect((await allowed(`http://${own}:3098`)).get('access-control-allow-origin')).toBeNull();
  });

  it('logs no query, where a token may stand', async () => {
    await send('/health?token=abcdef');
    await send('/items/1?token=abcdef');
    expect(lines.some((line) => line.includes('"path":"/items/1"'))).toBe(true);
    expect(lines.join()).not.toContain('abcdef');
  });

  it('describes its routes', async () => {
    const document = await (await send('/openapi.json')).json();
    expect(document).toMatchObject({ openapi: '3.1.0', paths: { '/items/{id}': { post: {} } } });
  });

  it('leads from / to its documentation', async () => {
    const reply = await send('/', { redirect: 'manual' });
    expect([reply.status, reply.headers.get('location')]).toEqual([302, '/api-docs']);
  });

  it('shows Swagger UI from its own files alone', async () => {
    const page = await send('/api-docs');
    const html = await page.text();
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(html).not.toMatch(/https?:\/\//);
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '');
    expect(files).toHaveLength(3);
    for (const file of files) expect((await send(file)).status).toBe(200);
  });

  it('says which variable moves it when its port is taken', async () => {
    const again = serveHttp(createHttpAppLike(), { host: '127.0.0.1', port: server.port, portVariable: 'AP_PORT' });
    await expect(again).rejects.toThrow(`port ${server.port} on 127.0.0.1 is in use; set AP_PORT to another one`);
  });

  it('answers what is no HTTP with 400 and lives on', async () => {
    const socket = connect(server.port, '127.0.0.1');
    const reply = await new Promise<string>((resolve) => {
      socket.on('data', (data) => resolve(String(data)));
      socket.write('HELLO\r\n\r\n');
    });
    socket.destroy();
    expect(reply).toContain('400');
    expect((await send('/health')).status).toBe(200);
  });
});

function createHttpAppLike() {
  return createHttpApp({
    title: 'x',
    version: '1',
    description: '',
    logger: createLogger('test', 'silent'),
    registry: createMetrics('other'),
    corsOrigins: { listed: [], ownPorts: [] },
    trustProxy: 0,
    metricsToken: undefined,
    readinessChecks: [],
  });
}
