import { randomUUID } from 'node:crypto';
import { type Database, openDatabase, sessions, subscriptions, users } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import type { Role } from '@motience/protocol';
import { defaultShardCount, notePresence, shardOf } from '@motience/stream-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StreamCorner } from '../../../../tests/support/stream-corner.ts';
import { eventually } from '../../../../tests/support/test-socket.ts';

interface Account {
  id: string;
  token: string;
}

let corner: StreamCorner;
let testDatabase: TestDatabase;
let database: Database;
let url: string;
let [admin, first, second, quiet, consumer]: Account[] = [];

beforeAll(async () => {
  [corner, testDatabase] = await Promise.all([StreamCorner.open(), createTestDatabase()]);
  database = openDatabase(testDatabase.url, { maxConnections: 2 });
  const manager = corner.run('data-stream-manager', { DATABASE_URL: testDatabase.url });
  [admin, first, second, quiet, consumer] = [
    await account('admin'),
    await account('producer'),
    await account('producer'),
    await account('producer'),
    await account('consumer'),
  ];
  await subscribe(consumer, second);
  await subscribe(consumer, first, 'cancelled');
  await corner.store(first.id, [1, 2, 3]);
  await corner.store(second.id, [1]);
  const shard = shardOf(first.id, defaultShardCount);
  await notePresence(corner.redis, corner.keys, shard, new Map([[first.id, new Set(['a', 'b'])]]));
  url = `http://127.0.0.1:${await manager.listening}`;
  await eventually(async () => expect((await get('/streams', admin)).items).toHaveLength(2));
});
afterAll(async () => {
  await corner.close();
  await database.close();
  await testDatabase.drop();
});

/** An account with a live session, straight into the database. */
async function account(role: Role): Promise<Account> {
  const [row] = await database.db
    .insert(users)
    .values({ username: `${role}-${randomUUID()}`, passwordHash: 'x', role })
    .returning();
  if (!row) throw new Error('expected the account');
  const id = randomUUID();
  await database.db.insert(sessions).values({ id, userId: row.id, expiresAt: new Date(Date.now() + 60_000) });
  return { id: String(row.id), token: await corner.token(role, String(row.id), id) };
}

async function subscribe(to: Account, producer: Account, status: 'active' | 'cancelled' = 'active'): Promise<void> {
  const endedAt = status === 'active' ? null : new Date();
  const accounts = { consumerId: BigInt(to.id), producerId: BigInt(producer.id) };
  await database.db.insert(subscriptions).values({ ...accounts, status, endedAt });
}

async function get(path: string, viewer?: Account) {
  const headers: Record<string, string> = viewer ? { authorization: `Bearer ${viewer.token}` } : {};
  const response = await fetch(`${url}${path}`, { headers });
  const body = await response.json();
  return { status: response.status, kind: body.error?.kind, ...body };
}

const producersIn = ({ items }: { items: { producer_id: string }[] }) => items.map(({ producer_id }) => producer_id);

describe('GET /streams', () => {
  it('shows an admin all streams, a producer its own, a consumer those it is subscribed to', async () => {
    expect(producersIn(await get('/streams', admin))).toEqual([first?.id, second?.id]);
    expect(producersIn(await get('/streams', first))).toEqual([first?.id]);
    expect(producersIn(await get('/streams', quiet))).toEqual([]);
    expect(producersIn(await get('/streams', consumer))).toEqual([second?.id]);
  });

  it('is told in pages', async () => {
    const page = await get('/streams?limit=1', admin);
    expect(producersIn(page)).toEqual([first?.id]);
    const next = await get(`/streams?limit=5&cursor=${page.next_cursor}`, admin);
    expect(producersIn(next)).toEqual([second?.id]);
    expect(next.next_cursor).toBeNull();
  });

  it('is for those who are signed in', async () => {
    expect(await get('/streams')).toMatchObject({ status: 401, kind: 'unauthenticated' });
    const ended = await account('admin');
    await database.sql`update sessions set revoked_at = now() where user_id = ${ended.id}`;
    expect(await get('/streams', ended)).toMatchObject({ status: 401, kind: 'unauthenticated' });
  });
});

describe('GET /managers', () => {
  it('shows an admin, and nobody else, which shards each stream manager takes care of', async () => {
    const all = Array.from({ length: 16 }, (_, shard) => shard);
    expect((await get('/managers', admin)).items).toEqual([{ manager: expect.any(String), shards: all }]);
    await corner.redis.zadd(corner.keys.managers, Date.now(), 'another');
    await eventually(async () => expect((await get('/managers', admin)).items).toHaveLength(2));
    const { items } = await get('/managers', admin);
    const shards = items.flatMap((item: { shards: number[] }) => item.shards);
    expect(shards.sort((a: number, b: number) => a - b)).toEqual(all);
    expect(await get('/managers', first)).toMatchObject({ status: 403, kind: 'forbidden' });
  });
});

describe('GET /streams/{producerId}', () => {
  it('shows where the stream stands', async () => {
    await eventually(async () => expect(await get(`/streams/${first?.id}`, first)).toMatchObject({ persisted: 3 }));
    expect(await get(`/streams/${first?.id}`, first)).toMatchObject({
      producer_id: first?.id,
      epoch: expect.any(String),
      head: 3,
      rate: expect.any(Number),
      devices_online: 2,
      subscribers: 0,
      retained: { from: 1, to: 3 },
      persisted: 3,
    });
    expect(await get(`/streams/${second?.id}`, admin)).toMatchObject({ head: 1, subscribers: 1, devices_online: 0 });
  });

  it('answers alike for a stream that one may not see and for one that does not exist', async () => {
    const { error: hidden, status } = await get(`/streams/${second?.id}`, first);
    const { error: missing } = await get('/streams/999999', first);
    expect(status).toBe(404);
    expect({ ...hidden, request_id: '' }).toEqual({ ...missing, request_id: '' });
    expect(await get(`/streams/${first?.id}`, consumer)).toMatchObject({ status: 404, kind: 'not-found' });
    expect(await get('/streams/abc', admin)).toMatchObject({ status: 400, kind: 'invalid-request' });
  });
});
