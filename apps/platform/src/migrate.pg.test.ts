import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type PrivateEngine, startPrivatePostgres, startPrivateRedis } from '@motience/engines/testing';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../dist/migrate.js', import.meta.url));
let database: PrivateEngine;
let redis: PrivateEngine;

beforeAll(async () => {
  [database, redis] = await Promise.all([startPrivatePostgres(), startPrivateRedis()]);
});

afterAll(async () => {
  await Promise.all([database?.close(), redis?.close()]);
});

async function migrate(): Promise<{ code: number | null; output: string }> {
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    JWT_SECRET: '',
  };
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await once(child, 'close');
  return { code: child.exitCode, output };
}

async function tables(): Promise<string[]> {
  const sql = postgres(database.url, { max: 1 });
  try {
    const rows = await sql<{ name: string }[]>`select tablename as name from pg_tables where schemaname = 'public'`;
    return rows.map(({ name }) => name);
  } finally {
    await sql.end();
  }
}

test('a Redis that could lose readings stops it before it changes the database; a fit one lets it, again and again', async () => {
  const connection = new Redis(redis.url);
  await connection.config('SET', 'appendonly', 'no');
  const refused = await migrate();
  expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('append-only log is off') });
  expect(await tables()).toEqual([]);

  await connection.config('SET', 'appendonly', 'yes');
  connection.disconnect();
  expect(await migrate()).toMatchObject({ code: 0 });
  expect(await tables()).toEqual(expect.arrayContaining(['users', 'subscriptions', 'readings']));
  expect(await migrate()).toMatchObject({ code: 0 });
});
