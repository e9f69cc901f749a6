import { Redis } from 'ioredis';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { createTestDatabase, createTestRedis, startPrivatePostgres, startPrivateRedis } from './testing.ts';

test('a test database has the schema, no rows, and is its own', async () => {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  const sql = postgres(one.url, { max: 1 });
  const otherSql = postgres(other.url, { max: 1 });
  try {
    await sql`insert into users (username, password_hash, role) values ('ann', 'x', 'producer')`;
    expect(await otherSql`select * from users`).toHaveLength(0);
    await one.drop();
    await expect(sql`select 1`).rejects.toThrow();
  } finally {
    await Promise.all([sql.end(), otherSql.end()]);
    await other.drop();
  }
});

test('dropping a test Redis removes what is under its prefix and nothing else', async () => {
  const [one, other] = await Promise.all([createTestRedis(), createTestRedis()]);
  const redis = new Redis(one.url);
  try {
    await redis.mset(`${one.prefix}:a`, '1', `${other.prefix}:a`, '2');
    await one.drop();
    expect(await redis.mget(`${one.prefix}:a`, `${other.prefix}:a`)).toEqual([null, '2']);
  } finally {
    redis.disconnect();
    await other.drop();
  }
});

test('a private Redis that is killed has, once restarted, all it had acknowledged', async () => {
  const engine = await startPrivateRedis();
  const redis = new Redis(engine.url, { maxRetriesPerRequest: null });
  redis.on('error', () => {});
  try {
    await redis.set('kept', 'yes');
    await engine.kill();
    await engine.restart();
    expect(await redis.get('kept')).toBe('yes');
  } finally {
    redis.disconnect();
    await engine.close();
  }
});

test('a private PostgreSQL that is killed starts again with all that was committed', async () => {
  const engine = await startPrivatePostgres({ durable: true });
  const sql = postgres(engine.url, { max: 1 });
  try {
    await sql`create table kept as select 42 as answer`;
    await engine.kill();
    await engine.restart();
    const rows = await postgresRows(engine.url);
    expect(rows).toEqual([{ answer: 42 }]);
  } finally {
    await sql.end({ timeout: 1 });
    await engine.close();
  }
});

async function postgresRows(url: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1 });
  try {
    return [...(await sql`select answer from kept`)];
  } finally {
    await sql.end();
  }
}
