import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPageApp, type PageOptions, type PageServer, servePage } from './page-server.ts';

const account = { username: 'demo-consumer', password: 'a password', passwordFile: '/nowhere' };
let root: string;
let page: PageServer | undefined;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'motience-page-'));
  await mkdir(join(root, 'assets'));
  await writeFile(join(root, 'index.html'), '<title>Tester</title>');
  await writeFile(join(root, 'assets', 'index-1a2b.js'), 'void 0;');
});

afterEach(async () => {
  await page?.stop();
  await rm(root, { recursive: true });
});

const serve = async () => {
  page = await servePage(options());
};

function options(): PageOptions {
  return {
    root,
    host: '127.0.0.1',
    port: 0,
    portVariable: 'CONSUMER_TESTER_PORT',
    urlsFor: (hostname) => ({
      auth_url: `http://${hostname}:3001`,
      subscription_url: `http://${hostname}:3002`,
      stream_url: `http://${hostname}:3003`,
      billing_url: `http://${hostname}:3004`,
      producer_gateway_url: `ws://${hostname}:8001`,
      consumer_gateway_url: `ws://${hostname}:8002`,
    }),
    demoConsumer: () => account,
  };
}

/** A request with any `Host` header, which fetch would not let us set. */
function get(path: string, hostHeader: string) {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port: page?.port, path, headers: { host: hostHeader } },
      async (response) => {
        let body = '';
        for await (const chunk of response.setEncoding('utf8')) body += chunk;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      },
    );
    call.on('error', reject).end();
  });
}

test('the page and its files are served, the files for ever', async () => {
  await serve();
  expect(await get('/', 'localhost')).toMatchObject({ status: 200, body: '<title>Tester</title>' });
  expect((await get('/assets/index-1a2b.js', 'localhost')).headers['cache-control']).toContain('immutable');
  expect((await get('/../package.json', 'localhost')).status).toBe(404);
  expect(await get('/assets/none.js', 'localhost')).toMatchObject({
    status: 404,
    headers: expect.not.objectContaining({ 'cache-control': expect.anything() }),
  });
});

test.each(['localhost:3011', '127.0.0.1:3011', '[::1]:3011'])(
  'this machine as %s gets the demo account',
  async (host) => {
    await serve();
    const config = JSON.parse((await get('/config.json', host)).body);
    const hostname = host.slice(0, host.lastIndexOf(':'));
    expect(config).toEqual({
      auth_url: `http://${hostname}:3001`,
      subscription_url: `http://${hostname}:3002`,
      stream_url: `http://${hostname}:3003`,
      billing_url: `http://${hostname}:3004`,
      producer_gateway_url: `ws://${hostname}:8001`,
      consumer_gateway_url: `ws://${hostname}:8002`,
      demo: { consumer: { username: 'demo-consumer', password: 'a password' } },
    });
  },
);

test('a page of another name that resolves to this machine gets no password', async () => {
  await serve();
  expect((await get('/config.json', 'attacker.example:3011')).body).not.toContain('password');
});

test('another machine gets no password, whatever name it uses', async () => {
  const ask = async (remoteAddress: string) => {
    const socket = { remoteAddress, remotePort: 50_000, remoteFamily: 'IPv4' };
    const headers = { host: 'localhost:3011' };
    return (await createPageApp(options()).request('/config.json', { headers }, { incoming: { socket } })).text();
  };
  expect(await ask('127.0.0.1')).toContain('password');
  expect(await ask('192.0.2.7')).not.toContain('password');
});

test('the policy allows the services and nothing else, whatever stands in the Host header', async () => {
  await serve();
  const policy = String((await get('/', 'localhost:3011')).headers['content-security-policy']);
  expect(policy).toContain(
    "connect-src 'self' http://localhost:3001 http://localhost:3002 http://localhost:3003 http://localhost:3004 ws://localhost:8001 ws://localhost:8002;",
  );
  expect(policy).toContain("default-src 'none'");
  const odd = String((await get('/', 'a_name:3011')).headers['content-security-policy']);
  expect(odd).toContain('http://localhost:3001');
  expect(odd).not.toContain('a_name');
  expect((await get('/', "x'; script-src *")).status).toBe(400);
});
