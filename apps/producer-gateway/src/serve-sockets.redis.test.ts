import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { writeSelfSigned } from '../../../tests/support/self-signed.ts';
import { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let address: string;

beforeAll(async () => {
  corner = await StreamCorner.open();
  address = `127.0.0.1:${await corner.run('producer-gateway', { NEW_SOCKETS_PER_MINUTE: '3' }).listening}`;
});
afterAll(() => corner.close());

const get = async (path: string, init?: RequestInit) => {
  const response = await fetch(`http://${address}${path}`, init);
  const body = await response.text();
  return { status: response.status, type: response.headers.get('content-type'), body };
};

describe('over HTTP', () => {
  it('tells that it runs, what is ready, and its metrics', async () => {
    expect(await get('/health')).toEqual({ status: 200, type: 'application/json', body: '{"status":"ok"}' });
    const ready = await get('/ready');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.body)).toEqual({
      status: 'ready',
      parts: { redis: { ok: true }, rights: { ok: true } },
    });
    const metrics = await get('/metrics');
    expect(metrics.type).toBe('text/plain; version=0.0.4');
    expect(metrics.body).toMatch(/^motience_producer_sockets\{app="producer-gateway"\} 0$/m);
  });

  it('shows metrics to a proxy only with METRICS_TOKEN', async () => {
    const { status, body } = await get('/metrics', { headers: { 'x-forwarded-for': '192.0.2.1' } });
    expect({ status, kind: JSON.parse(body).error.kind }).toEqual({ status: 403, kind: 'forbidden' });
  });

  it.each([
    ['/producer', 400, 'invalid-request'],
    ['/elsewhere', 404, 'not-found'],
  ])('answers GET %s with %i', async (path, status, kind) => {
    const reply = await get(path);
    expect(reply.status).toBe(status);
    expect(JSON.parse(reply.body)).toEqual({
      error: { kind, message: expect.any(String), request_id: expect.any(String) },
    });
  });
});

describe('more new sockets than an address may open', () => {
  it('are answered with 429 and when to try again', async () => {
    const { token } = await corner.account('producer');
    const url = `ws://${address}/producer`;
    for (let count = 0; count < 3; count += 1) (await TestSocket.open(url, { token })).close();
    const refused = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
    const reply = await new Promise<{ status: number | undefined; wait: string | undefined; body: string }>(
      (resolve) => {
        refused.on('unexpected-response', (_, response) => {
          let body = '';
          response.on('data', (text) => (body += text));
          response.on('end', () =>
            resolve({ status: response.statusCode, wait: response.headers['retry-after'], body }),
          );
        });
      },
    );
    expect(reply.status).toBe(429);
    expect(Number(reply.wait)).toBeGreaterThan(0);
    expect(Number(reply.wait)).toBeLessThanOrEqual(60);
    expect(JSON.parse(reply.body).error).toMatchObject({
      kind: 'rate-limited',
      message: 'more than 3 new sockets per address per minute',
    });
  });
});

describe('with a certificate', () => {
  it('serves wss', async () => {
    const own = await StreamCorner.open();
    const folder = await mkdtemp(join(tmpdir(), 'motience-'));
    onTestFinished(async () => {
      await own.close();
      await rm(folder, { recursive: true });
    });
    const { certFile, keyFile } = await writeSelfSigned(folder);
    const gateway = own.run('producer-gateway', { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile });
    const url = `wss://127.0.0.1:${await gateway.listening}/producer`;
    const { token } = await own.account('producer', ['a']);
    const socket = await TestSocket.open(url, { token, rejectUnauthorized: false });
    socket.send({ device_id: 'a', timestamp: '2025-01-29T11:35:00Z', data: {} });
    await eventually(() => expect(socket.acknowledged).toBe(1));
    await expect(TestSocket.open(url, { token })).rejects.toThrow('self-signed certificate');
  });
});
