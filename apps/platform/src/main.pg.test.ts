import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { tokensSchema } from '@motience/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { z } from 'zod';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/**
 * From the command to the first reading at a consumer, installs excluded: 15 s on a machine that has nothing else to do,
 * and as much longer as others keep this one busy.
 */
const firstReadingMs = () => 15_000 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
const startMs = 60_000;

/** Empty counts as not set, and a developer's own .env does not replace it. */
const environment: NodeJS.ProcessEnv = {
  ...process.env,
  ...Object.fromEntries(
    [
      'DATABASE_URL',
      'DB_HOST',
      'DB_PORT',
      'REDIS_URL',
      'REDIS_HOST',
      'REDIS_PORT',
      'REDIS_KEY_PREFIX',
      'JWT_SECRET',
    ].map((name) => [name, '']),
  ),
  ...Object.fromEntries(['TLS_CERT_FILE', 'TLS_KEY_FILE', 'CORS_ORIGINS', 'HOST'].map((name) => [name, ''])),
  ...Object.fromEntries(
    [
      'AP_PORT',
      'SM_PORT',
      'DSM_PORT',
      'BILLING_PORT',
      'WSS1_PORT',
      'WSS2_PORT',
      'PRODUCER_TESTER_PORT',
      'CONSUMER_TESTER_PORT',
    ].map((name) => [name, '0']),
  ),
  NODE_ENV: 'development',
  LOG_LEVEL: 'info',
};

const catalogueSchema = z.object({
  items: z.array(z.object({ title: z.string(), plans: z.array(z.object({ name: z.string() })) })),
});

const configSchema = z.object({
  auth_url: z.url(),
  subscription_url: z.url(),
  producer_gateway_url: z.url(),
  consumer_gateway_url: z.url(),
  demo: z.object({ consumer: z.object({ username: z.string(), password: z.string() }) }).optional(),
});

let dataDir: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'motience-platform-'));
});

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await waitUntil(() => !existsSync(join(dataDir, 'engines.lock')), 'the engines have stopped');
  await rm(dataDir, { recursive: true, force: true });
});

/** The platform as its own process, as `npm start` runs it. */
class PlatformProcess {
  private readonly lines: string[] = [];
  readonly child: ChildProcess;

  constructor(args: readonly string[] = [], overrides: NodeJS.ProcessEnv = {}, command = [process.execPath, main]) {
    const [program = '', ...before] = command;
    const child = spawn(program, [...before, '--data-dir', dataDir, ...args], {
      cwd: root,
      env: { ...environment, ...overrides },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    }
    this.child = child;
    started.push(child);
  }

  get output(): string {
    return this.lines.join('\n');
  }

  /** Waits until it has said something that matches. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    await waitUntil(() => pattern.test(this.output) || this.child.exitCode !== null, `it says ${pattern}`, startMs);
    const match = pattern.exec(this.output);
    if (!match) throw new Error(`expected ${pattern} in:\n${this.output}`);
    return match;
  }

  /** What the consumer tester is told, once everything is up. */
  async config(): Promise<z.infer<typeof configSchema>> {
    const [, url] = await this.says(/consumer tester +(http:\S+)[\s\S]*Ctrl-C/);
    return configSchema.parse(await (await fetch(`${url}/config.json`)).json());
  }

  /** Resolves with the exit code. */
  async ends(signal?: NodeJS.Signals): Promise<number | null> {
    const ended = this.child.exitCode === null ? once(this.child, 'close') : undefined;
    if (signal) this.child.kill(signal);
    await ended;
    return this.child.exitCode;
  }
}

async function waitUntil(condition: () => unknown, what: string, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function login(authUrl: string, account: { username: string; password: string }): Promise<Response> {
  return fetch(`${authUrl}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(account),
  });
}

/** The first reading a demo consumer receives. */
async function firstReading(config: z.infer<typeof configSchema>): Promise<unknown> {
  if (!config.demo) throw new Error('expected a demo consumer');
  const response = await login(config.auth_url, config.demo.consumer);
  const { access_token } = tokensSchema.parse(await response.json());
  const socket = new WebSocket(`${config.consumer_gateway_url}/consumer?token=${access_token}`);
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', (code) => reject(new Error(`closed with ${code}`)));
      socket.on('message', (frame) => {
        const parsed = z.looseObject({ type: z.string().optional() }).parse(JSON.parse(String(frame)));
        if (parsed.type === undefined) resolve(parsed);
      });
    });
  } finally {
    socket.terminate();
  }
}

const isUp = async (url: string) =>
  fetch(`${url.replace(/^ws/, 'http')}/health`).then(
    (response) => response.ok,
    () => false,
  );

/** The catalogue as everybody sees it. */
async function catalogue({ subscription_url }: z.infer<typeof configSchema>) {
  const response = await fetch(`${subscription_url}/listings`);
  return catalogueSchema.parse(await response.json()).items;
}

test('one command brings this machine’s figures to the demo consumer; Ctrl-C ends it all; accounts are kept', async () => {
  const startedAt = performance.now();
  const platform = new PlatformProcess();
  const config = await platform.config();
  expect(await firstReading(config)).toMatchObject({
    producer_id: expect.any(String),
    seq: expect.any(Number),
    data: expect.objectContaining({}),
  });
  const took = performance.now() - startedAt;
  console.log(`first reading at a consumer after ${(took / 1000).toFixed(1)} s`);
  expect(took).toBeLessThan(firstReadingMs());
  const listed = [{ title: 'This very machine', plans: [{ name: 'Free' }, { name: 'Paid, to try it out' }] }];
  expect(await catalogue(config)).toEqual(listed);
  for (const file of await readdir(join(dataDir, 'demo'))) {
    if (file.endsWith('.password')) expect((await stat(join(dataDir, 'demo', file))).mode & 0o077, file).toBe(0);
  }
  expect(await platform.ends('SIGINT')).toBe(0);
  expect(await Promise.all([config.auth_url, config.producer_gateway_url].map(isUp))).toEqual([false, false]);
  expect(existsSync(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);

  const again = new PlatformProcess();
  const configAgain = await again.config();
  expect(configAgain.demo).toEqual(config.demo);
  expect((await login(configAgain.auth_url, config.demo?.consumer ?? { username: '', password: '' })).status).toBe(200);
  await firstReading(configAgain);
  expect(await catalogue(configAgain)).toEqual(listed);
}, 120_000);

test('a service that dies is started again at its port; killing the platform leaves nothing behind', async () => {
  const platform = new PlatformProcess(['--no-demo']);
  const config = await platform.config();
  expect(config.demo).toBeUndefined();
  expect(existsSync(join(dataDir, 'demo'))).toBe(false);

  const log = await readFile(join(dataDir, 'logs', 'producer-gateway.log'), 'utf8');
  const line = log.split('\n').find((text) => text.includes('"listening"'));
  process.kill(z.object({ pid: z.int() }).parse(JSON.parse(line ?? '')).pid, 'SIGKILL');
  await platform.says(/producer-gateway ended \(SIGKILL\); starting it again/);
  await platform.says(/producer-gateway is back/);
  expect(await isUp(config.producer_gateway_url)).toBe(true);

  await platform.ends('SIGKILL');
  const urls = [config.auth_url, config.subscription_url, config.producer_gateway_url, config.consumer_gateway_url];
  await waitUntil(async () => !(await Promise.all(urls.map(isUp))).includes(true), 'all services are gone');
  await waitUntil(() => !existsSync(join(dataDir, 'engines.lock')), 'the engines are gone');
}, 120_000);

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'an npm that gets %s takes everything it started with it',
  async (signal) => {
    // Without the build that npm start begins with: that is done, and others are running from it.
    const platform = new PlatformProcess(['--no-demo'], {}, ['npm', 'start', '--ignore-scripts', '--']);
    const config = await platform.config();
    platform.child.kill(signal);
    const urls = [config.auth_url, config.subscription_url, config.producer_gateway_url, config.consumer_gateway_url];
    await waitUntil(async () => !(await Promise.all(urls.map(isUp))).includes(true), 'all services are gone');
    await waitUntil(() => !existsSync(join(dataDir, 'engines.lock')), 'the engines are gone');
  },
  90_000,
);

test('production has no demo', async () => {
  const platform = new PlatformProcess([], { NODE_ENV: 'production' });
  const config = await platform.config();
  expect(config.demo).toBeUndefined();
  expect(existsSync(join(dataDir, 'demo'))).toBe(false);
});

test('production refuses a secret from an example or a short one before anything is started', async () => {
  for (const secret of ['your-secret-key-here', 'short']) {
    const platform = new PlatformProcess([], { NODE_ENV: 'production', JWT_SECRET: secret });
    expect(await platform.ends()).toBe(1);
    expect(platform.output).toContain('JWT_SECRET: ');
    expect(platform.output).not.toContain(secret);
  }
  expect(await readdir(dataDir)).toEqual([]);
});

test('a service that cannot start is told in its own words, and nothing is left running', async () => {
  const platform = new PlatformProcess(['--no-demo'], { JWT_KEY_FILE: '/dev/null/jwt.jwk.json' });
  expect(await platform.ends()).toBe(1);
  expect(platform.output).toContain('/dev/null/jwt.jwk.json');
  expect(platform.output).not.toContain('EBADF');
  expect(existsSync(join(dataDir, 'engines.lock'))).toBe(false);
  expect(existsSync(join(dataDir, 'database-url'))).toBe(false);
});

test('mistakes in any setting are told all at once, before anything is started', async () => {
  const mistakes = { DSM_PORT: 'abc', SHARDS: '0', RETAINED_AGE: '1x', JWT_EXPIRES_IN: 'soon' };
  const platform = new PlatformProcess([], mistakes);
  expect(await platform.ends()).toBe(1);
  for (const variable of Object.keys(mistakes)) expect(platform.output).toContain(`${variable}: expected`);
  expect(await readdir(dataDir)).toEqual([]);
});

test('a port in use is one line that names the port and its variable, and nothing is left running', async () => {
  const other = createServer();
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const { port } = z.object({ port: z.int() }).parse(other.address());
  try {
    const platform = new PlatformProcess([], { DSM_PORT: String(port) });
    expect(await platform.ends()).toBe(1);
    expect(platform.output).toBe(`port ${port} on 127.0.0.1 is in use; set DSM_PORT to another one`);
  } finally {
    other.close();
  }
  expect(await readdir(dataDir)).toEqual([]);
});

test('a second platform on the same data folder is refused and the first goes on', async () => {
  const platform = new PlatformProcess(['--no-demo']);
  const config = await platform.config();
  const second = new PlatformProcess(['--no-demo'], { AP_PORT: new URL(config.auth_url).port });
  expect(await second.ends()).toBe(1);
  expect(second.output).toContain(`Motience is running already in ${dataDir} (process ${platform.child.pid})`);
  expect(second.output).not.toContain('AP_PORT');
  expect(await isUp(config.auth_url)).toBe(true);
});

test('Ctrl-C during the start ends it with nothing left behind', async () => {
  const platform = new PlatformProcess();
  await platform.says(/Starting the services/);
  expect(await platform.ends('SIGINT')).toBe(0);
  expect(existsSync(join(dataDir, 'engines.lock'))).toBe(false);
});

test('help tells the options', async () => {
  const platform = new PlatformProcess(['--help']);
  expect(await platform.ends()).toBe(0);
  for (const option of ['--no-demo', '--no-install', '--data-dir']) expect(platform.output).toContain(option);
});
