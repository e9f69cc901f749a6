import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { redisProblems } from './check-redis.ts';
import { type EngineOptions, startEngines } from './start-engines.ts';
import { createTestDatabase, type PrivateEngine, startPrivateRedis } from './testing.ts';

let redis: PrivateEngine | undefined;

afterEach(async () => {
  await redis?.close();
  redis = undefined;
});

/** A Redis someone else runs, with these settings. */
async function redisWith(settings: Record<string, string>): Promise<string> {
  redis = await startPrivateRedis();
  const connection = new Redis(redis.url);
  for (const [name, value] of Object.entries(settings)) await connection.config('SET', name, value);
  connection.disconnect();
  return redis.url;
}

async function options(redisUrl: string, production: boolean): Promise<EngineOptions & { said: string[] }> {
  const said: string[] = [];
  return {
    dataDir: '/nowhere',
    postgres: { url: (await createTestDatabase()).url },
    redis: { urls: [redisUrl], isCluster: false },
    production,
    mayInstall: false,
    onProgress: (text) => said.push(text),
    said,
  };
}

test('engines of others are used as they are and left running', async () => {
  const redisUrl = await redisWith({});
  const given = await options(redisUrl, true);
  const engines = await startEngines(given);
  expect(engines).toMatchObject({ redisUrl });
  await engines.close();
  const connection = new Redis(redisUrl);
  expect(await connection.ping()).toBe('PONG');
  connection.disconnect();
  expect(given.said).toEqual([]);
});

test.each([
  ['appendonly', 'no', 'append-only log is off'],
  ['maxmemory-policy', 'allkeys-lru', 'maxmemory-policy is allkeys-lru, expected noeviction'],
])('a Redis with %s %s is refused in production and warned of otherwise', async (name, value, problem) => {
  const redisUrl = await redisWith({ [name]: value });
  await expect(startEngines(await options(redisUrl, true))).rejects.toThrow(problem);
  const development = await options(redisUrl, false);
  await (await startEngines(development)).close();
  expect(development.said).toEqual([expect.stringContaining(problem)]);
});

test('a Redis older than 7.0 is a problem', () => {
  const info = (version: string) =>
    new Map([
      ['redis_version', version],
      ['maxmemory_policy', 'noeviction'],
      ['aof_enabled', '1'],
    ]);
  expect(redisProblems(info('6.2.14'))).toEqual(['Redis must be 7.0 or newer; it is 6.2.14']);
  expect(redisProblems(info('7.0.0'))).toEqual([]);
  expect(redisProblems(info('10.1.0'))).toEqual([]);
});

test('an engine that cannot be reached is named without its password', async () => {
  const unreachable = await options('redis://:hidden@127.0.0.1:1', false);
  await expect(startEngines(unreachable)).rejects.toThrow(
    /^Redis at redis:\/\/127\.0\.0\.1:1\/? cannot be used: .*ECONNREFUSED/,
  );
  const wrong = await options(await redisWith({}), false);
  wrong.postgres = { url: 'postgres://me:hidden@127.0.0.1:1/none' };
  await expect(startEngines(wrong)).rejects.toThrow(
    /^PostgreSQL at postgres:\/\/127\.0\.0\.1:1\/none cannot be used: .*ECONNREFUSED/,
  );
});

test('a wrong password is told as such', async () => {
  const url = new URL(await redisWith({}));
  url.password = 'wrong';
  await expect(startEngines(await options(url.href, false))).rejects.toThrow(/cannot be used: .*(WRONGPASS|NOAUTH)/);
});
