import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { readPlatformConfig, redisMaxMemoryBytes } from './config.ts';

test('without anything set the engines are private ones on free ports', () => {
  const config = readPlatformConfig({});
  expect(config.postgres).toEqual({ port: undefined });
  expect(config.redis).toEqual({ port: undefined });
  expect(config.redisAppendfsync).toBe('always');
  expect(redisMaxMemoryBytes(config)).toBeUndefined();
});

test('a host or an address switches to an engine of someone else, a port alone does not', () => {
  expect(readPlatformConfig({ DB_HOST: 'db', DB_PASSWORD: 'p' }).postgres).toEqual({
    url: 'postgres://postgres:p@db:5432/motience',
  });
  expect(readPlatformConfig({ REDIS_URL: 'redis://r:1' }).redis).toEqual({ urls: ['redis://r:1'], isCluster: false });
  expect(readPlatformConfig({ REDIS_CLUSTER_NODES: 'a:1,b:2' }).redis).toEqual({
    urls: ['redis://a:1', 'redis://b:2'],
    isCluster: true,
  });
  expect(readPlatformConfig({ DB_PORT: '5555', REDIS_PORT: '6666' })).toMatchObject({
    postgres: { port: 5555 },
    redis: { port: 6666 },
  });
});

test('copying the example configuration changes nothing but what it says', () => {
  const example = parseEnv(readFileSync(fileURLToPath(new URL('../../../.env.example', import.meta.url)), 'utf8'));
  expect(readPlatformConfig(example)).toEqual(readPlatformConfig({}));
  expect(example).not.toHaveProperty('JWT_SECRET');
});

test.each([
  ['a secret from an example', { JWT_SECRET: 'your-secret-key-here' }, 'JWT_SECRET'],
  ['a short secret', { JWT_SECRET: 'x'.repeat(31) }, 'JWT_SECRET'],
  ['a database without a password', { DB_HOST: 'db' }, 'DB_PASSWORD'],
  ['the example’s database password', { DB_HOST: 'db', DB_PASSWORD: 'postgres' }, 'DB_PASSWORD'],
  ['the same in an address', { DATABASE_URL: 'postgres://postgres:postgres@db/motience' }, 'DATABASE_URL'],
])('production refuses %s', (_, environment, variable) => {
  expect(() => readPlatformConfig({ NODE_ENV: 'production', ...environment })).toThrow(`${variable}: `);
  expect(() => readPlatformConfig({ NODE_ENV: 'development', ...environment })).not.toThrow();
});
