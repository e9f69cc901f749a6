import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type GuardedEngines, guardEngines } from './guarded-engines.ts';
import { processIdentity } from './process-identity.ts';
import { makeTemporaryFolder, redisSpec } from './temporary-engines.ts';
import { waitFor } from './wait.ts';

// Each of these starts PostgreSQL and Redis two or three times, with every write flushed to the disk.
vi.setConfig({ testTimeout: 90_000 });

const postgresSpec = { engine: 'postgres', database: 'motience', durable: true } as const;
let dataDir: string;
const opened: GuardedEngines[] = [];

beforeEach(async () => {
  dataDir = await makeTemporaryFolder();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((engines) => engines.close()));
  await rm(dataDir, { recursive: true, force: true });
});

async function open(options: { revive?: boolean; onNote?: (text: string) => void } = {}): Promise<GuardedEngines> {
  const engines = await guardEngines({ dataDir, revive: false, ...options });
  opened.push(engines);
  return engines;
}

/** Both engines with something written to each. */
async function startWithData(engines: GuardedEngines): Promise<{ databaseUrl: string; redisUrl: string }> {
  const [databaseUrl, redisUrl] = await Promise.all([engines.start(postgresSpec), engines.start(redisSpec())]);
  await onPostgres(databaseUrl, (sql) => sql`create table kept as select 42 as answer`);
  await onRedis(redisUrl, (redis) => redis.set('kept', 'yes'));
  return { databaseUrl, redisUrl };
}

async function expectData({ databaseUrl, redisUrl }: { databaseUrl: string; redisUrl: string }): Promise<void> {
  expect(await onPostgres(databaseUrl, (sql) => sql`select answer from kept`)).toEqual([{ answer: 42 }]);
  expect(await onRedis(redisUrl, (redis) => redis.get('kept'))).toBe('yes');
}

async function onPostgres<T>(url: string, use: (sql: postgres.Sql) => Promise<Iterable<T>>): Promise<T[]> {
  const sql = postgres(url, { max: 1, connect_timeout: 5 });
  try {
    return [...(await use(sql))];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function onRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => {});
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

const pidOf = async (...path: string[]) => Number.parseInt(await readFile(join(dataDir, ...path), 'utf8'), 10);
const enginePids = () => Promise.all([pidOf('postgres', 'cluster', 'postmaster.pid'), pidOf('redis', 'redis.pid')]);
const areGone = (identities: (string | undefined)[]) =>
  identities.every((identity) => processIdentity(Number.parseInt(identity ?? '', 10)) !== identity);

/** A process of its own that starts both engines in the data folder. */
async function startParent(): Promise<{
  parent: ChildProcess;
  guardPid: number;
  databaseUrl: string;
  redisUrl: string;
}> {
  const script = `
    const { guardEngines } = await import(${JSON.stringify(new URL('../dist/guarded-engines.js', import.meta.url).href)});
    const engines = await guardEngines({ dataDir: ${JSON.stringify(dataDir)}, revive: true });
    const [databaseUrl, redisUrl] = await Promise.all([
      engines.start(${JSON.stringify(postgresSpec)}),
      engines.start(${JSON.stringify(redisSpec())}),
    ]);
    console.log(JSON.stringify({ guardPid: await engines.guardPid(), databaseUrl, redisUrl }));`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  const [line] = await once(createInterface({ input: parent.stdout }), 'line');
  const said = z.object({ guardPid: z.int(), databaseUrl: z.string(), redisUrl: z.string() });
  return { parent, ...said.parse(JSON.parse(String(line))) };
}

test('data is kept from one run to the next', async () => {
  const engines = await open();
  await startWithData(engines);
  await engines.close();

  const again = await open();
  const [databaseUrl, redisUrl] = await Promise.all([again.start(postgresSpec), again.start(redisSpec())]);
  await expectData({ databaseUrl, redisUrl });
});

test('Redis flushes each write to its log, forgets nothing, and is closed to those without the password', async () => {
  const engines = await open();
  const url = await engines.start(redisSpec());
  const settings = await onRedis(url, (redis) => redis.config('GET', 'append*', 'maxmemory*', 'bind'));
  expect(settings).toEqual(
    expect.arrayContaining([
      'appendonly',
      'yes',
      'appendfsync',
      'always',
      'maxmemory-policy',
      'noeviction',
      '127.0.0.1',
    ]),
  );
  const withoutPassword = new URL(url);
  withoutPassword.password = '';
  await expect(onRedis(withoutPassword.href, (redis) => redis.get('kept'))).rejects.toThrow('NOAUTH');
});

test('passwords are readable by their owner only', async () => {
  const engines = await open();
  await Promise.all([engines.start(postgresSpec), engines.start(redisSpec())]);
  for (const file of ['postgres.password', 'redis.password', 'redis/redis.conf']) {
    expect((await stat(join(dataDir, file))).mode & 0o777, file).toBe(0o600);
  }
});

test('killing the parent stops the engines in order, and the next start has all data', async () => {
  const { parent, guardPid, ...urls } = await startParent();
  await onPostgres(urls.databaseUrl, (sql) => sql`create table kept as select 42 as answer`);
  await onRedis(urls.redisUrl, (redis) => redis.set('kept', 'yes'));
  const identities = [guardPid, ...(await enginePids())].map(processIdentity);
  parent.kill('SIGKILL');
  expect(await waitFor(() => areGone(identities), 30_000)).toBe(true);
  expect(await readFile(join(dataDir, 'postgres', 'postgres.log'), 'utf8')).toContain('database system is shut down');

  const again = await open();
  const [databaseUrl, redisUrl] = await Promise.all([again.start(postgresSpec), again.start(redisSpec())]);
  await expectData({ databaseUrl, redisUrl });
});

test('a start right after the parent was killed waits for its engines instead of running a second pair', async () => {
  const { parent, guardPid } = await startParent();
  const [postgresPid, redisPid] = await enginePids();
  const identities = [guardPid, postgresPid, redisPid].map(processIdentity);
  parent.kill('SIGKILL');
  await once(parent, 'exit');

  await open();
  expect(areGone(identities)).toBe(true);
});

test('engines whose guard was killed too are stopped by the next start', async () => {
  const { parent, guardPid, ...urls } = await startParent();
  await onPostgres(urls.databaseUrl, (sql) => sql`create table kept as select 42 as answer`);
  await onRedis(urls.redisUrl, (redis) => redis.set('kept', 'yes'));
  const leftOver = (await enginePids()).map(processIdentity);
  process.kill(guardPid, 'SIGKILL');
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  expect(areGone(leftOver)).toBe(false);

  const again = await open();
  const [databaseUrl, redisUrl] = await Promise.all([again.start(postgresSpec), again.start(redisSpec())]);
  expect(areGone(leftOver)).toBe(true);
  await expectData({ databaseUrl, redisUrl });
});

test('after everything was killed at once the next start has all data', async () => {
  const { parent, guardPid, ...urls } = await startParent();
  await onPostgres(urls.databaseUrl, (sql) => sql`create table kept as select 42 as answer`);
  await onRedis(urls.redisUrl, (redis) => redis.set('kept', 'yes'));
  for (const pid of [guardPid, ...(await enginePids())]) process.kill(pid, 'SIGKILL');
  parent.kill('SIGKILL');
  await once(parent, 'exit');

  const again = await open();
  const [databaseUrl, redisUrl] = await Promise.all([again.start(postgresSpec), again.start(redisSpec())]);
  await expectData({ databaseUrl, redisUrl });
});

test('an engine that dies is started again at the same address with its data', async () => {
  const notes: string[] = [];
  const engines = await open({ revive: true, onNote: (text) => notes.push(text) });
  const urls = await startWithData(engines);
  for (const pid of await enginePids()) process.kill(pid, 'SIGKILL');

  const back = await waitFor(() => notes.filter((note) => note.endsWith('is back')).length === 2, 30_000);
  expect(back, notes.join('\n')).toBe(true);
  await expectData(urls);
});

test('a guard that is killed is replaced, and its engines with it, at the same addresses', async () => {
  const engines = await open({ revive: true });
  const urls = await startWithData(engines);
  const leftOver = (await enginePids()).map(processIdentity);
  process.kill(await engines.guardPid(), 'SIGKILL');

  expect(await waitFor(() => areGone(leftOver), 30_000)).toBe(true);
  await engines.guardPid();
  await expectData(urls);
  const replaced = (await enginePids()).map(processIdentity);
  await engines.close();
  expect(areGone(replaced)).toBe(true);
});

test('closing while an engine is being started again leaves none running', async () => {
  const notes: string[] = [];
  const engines = await open({ revive: true, onNote: (text) => notes.push(text) });
  await startWithData(engines);
  const [postgresPid] = await enginePids();
  process.kill(postgresPid, 'SIGKILL');
  expect(await waitFor(() => notes.length > 0, 30_000)).toBe(true);
  await engines.close();
  expect(
    await waitFor(
      async () => Number.isNaN(await pidOf('postgres', 'cluster', 'postmaster.pid').catch(() => Number.NaN)),
      100,
    ),
  ).toBe(true);
});

test('a second one on the same folder is refused and told who has it', async () => {
  await open();
  await expect(open()).rejects.toThrow(`${dataDir} is in use by process ${process.pid}`);
});

test('a port in use is named together with the variable that sets it', async () => {
  const other = createServer();
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const port = z.object({ port: z.int() }).parse(other.address()).port;
  try {
    const engines = await open();
    await expect(engines.start({ ...redisSpec(), port })).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use; set REDIS_PORT to another one`,
    );
    await expect(engines.start({ ...postgresSpec, port })).rejects.toThrow('set DB_PORT to another one');
  } finally {
    other.close();
  }
});
