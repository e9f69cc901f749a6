import { randomUUID } from 'node:crypto';
import { apiKeys, type Database, openDatabase, users } from '@motience/database';
import { createTestDatabase, createTestRedis } from '@motience/engines/testing';
import { createKeys, type Keys, openRedis, type Right, RightsStore } from '@motience/stream-log';
import { newApiKey, withApiKeys } from '@motience/tokens';
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { acceptApiKeys, noteKeyUse } from './accept-api-keys.ts';
import { createProjector } from './projector.ts';
import { isSessionLive } from './read-truth.ts';

type Redis = ReturnType<typeof openRedis>;
let database: Database;
let keys: Keys;
let redis: Redis;
let rights: RightsStore;
let emptyRedis: () => Promise<void>;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  const [testDatabase, testRedis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  database = openDatabase(testDatabase.url);
  keys = createKeys(testRedis.prefix);
  emptyRedis = testRedis.drop;
  redis = openRedis(testRedis.url, { onError: () => {} });
  rights = new RightsStore(redis, keys);
  closers.push(testDatabase.drop, testRedis.drop, async () => redis.disconnect(), database.close);
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function openProjector() {
  const quiet = { info: () => {}, warn: () => {} };
  const projector = createProjector({ database, rights, logger: quiet, pollMs: 50 });
  closers.push(projector.stop);
  return projector;
}

async function addKey(expiresAt: Date | null = null): Promise<{ id: string; text: string; right: Right }> {
  const [user] = await database.db
    .insert(users)
    .values({ username: `u${randomUUID().slice(0, 30)}`, passwordHash: '-', role: 'producer' })
    .returning({ id: users.id });
  const userId = user?.id ?? 0n;
  const { id, text, secretHash } = newApiKey();
  const scopes = ['stream:send', 'a scope of former times'];
  await database.db.insert(apiKeys).values({ id, userId, name: 'any', secretHash, scopes, expiresAt });
  return { id, text, right: { kind: 'session', accountId: String(userId), item: id } };
}

const noKey: ReturnType<typeof acceptApiKeys> = async () => {
  throw new Error('not a key');
};
const revoke = (id: string) => database.db.update(apiKeys).set({ revokedAt: new Date() }).where(eq(apiKeys.id, id));
async function lastUse(id: string): Promise<number | undefined> {
  const [row] = await database.db.select().from(apiKeys).where(eq(apiKeys.id, id));
  return row?.lastUsedAt?.getTime();
}
const complete = async () => rights.finishRebuild(await rights.beginRebuild());

describe('an API key in Redis', () => {
  it('is a session of its account, and is known by its id, as long as it lasts', async () => {
    const projector = openProjector();
    const { id, text, right } = await addKey(new Date(Date.now() + 3_600_000));
    await complete();
    await projector.project(right);
    expect(await rights.has(right)).toBe(true);
    const known = await rights.readApiKey(id);
    const verify = withApiKeys(noKey, async () => ({ grant: JSON.parse(known?.text ?? ''), onUse: () => {} }));
    expect(await verify(text)).toMatchObject({
      ok: true,
      claims: { sub: right.accountId, role: 'producer', sid: id, scopes: ['stream:send'] },
    });
    expect(known?.text).not.toContain(text.slice(-43));
    for (const key of [keys.session(id), keys.apiKey(id)]) {
      expect(await redis.ttl(key)).toBeGreaterThan(3_500);
      expect(await redis.ttl(key)).toBeLessThanOrEqual(3_600);
    }
  });

  it('stays until it is revoked if it does not expire; then nothing of it is left', async () => {
    const projector = openProjector();
    const { id, right } = await addKey();
    await complete();
    await projector.project(right);
    expect(await redis.ttl(keys.session(id))).toBe(-1);
    await revoke(id);
    await projector.project(right);
    expect(await rights.has(right)).toBe(false);
    expect(await rights.readApiKey(id)).toEqual({ text: undefined });
  });

  it('is rebuilt in a Redis that lost it, and one that is not in PostgreSQL any more is dropped', async () => {
    const [kept, revoked] = [await addKey(), await addKey()];
    const projector = openProjector();
    projector.start();
    await vi.waitFor(async () => expect(await rights.has(revoked.right)).toBe(true), 30_000);
    await emptyRedis();
    expect(await rights.readApiKey(kept.id)).toBeUndefined();
    await vi.waitFor(async () => expect((await rights.readApiKey(kept.id))?.text).toBeDefined(), 30_000);
    expect(await rights.has(kept.right)).toBe(true);

    await revoke(revoked.id);
    await redis.del(keys.apiKey(kept.id));
    await redis.set(keys.rightsProjected, 'of another life');
    await vi.waitFor(async () => {
      expect(await rights.has(revoked.right)).toBe(false);
      expect((await rights.readApiKey(kept.id))?.text).toBeDefined();
    }, 30_000);
    expect(await redis.exists(keys.apiKey(revoked.id))).toBe(0);
  });
});

describe('an API key at an HTTP service', () => {
  it('counts as long as PostgreSQL says so', async () => {
    const { id, text, right } = await addKey();
    const verify = acceptApiKeys(noKey, database);
    expect(await verify(text)).toMatchObject({ ok: true, claims: { sid: id, scopes: ['stream:send'] } });
    expect(await isSessionLive(database.db, { sub: right.accountId, sid: id })).toBe(true);
    await revoke(id);
    expect(await verify(text)).toMatchObject({ ok: false, refusal: { kind: 'unauthenticated' } });
    expect(await isSessionLive(database.db, { sub: right.accountId, sid: id })).toBe(false);
    const expired = await addKey(new Date(Date.now() - 1_000));
    expect(await verify(expired.text)).toMatchObject({ ok: false, refusal: { kind: 'unauthenticated' } });
  });

  it('is noted as used, once a minute', async () => {
    const { id, text } = await addKey();
    const verify = acceptApiKeys(noKey, database);
    await verify(text);
    await vi.waitFor(async () => expect(await lastUse(id)).toBeDefined(), 30_000);
    const first = await lastUse(id);
    await noteKeyUse(database.db, id);
    expect(await lastUse(id)).toBe(first);
    const earlier = new Date(Date.now() - 61_000);
    await database.db.update(apiKeys).set({ lastUsedAt: earlier }).where(eq(apiKeys.id, id));
    await verify(text);
    await vi.waitFor(async () => expect(await lastUse(id)).toBeGreaterThan(earlier.getTime()), 30_000);
  });

  it('is not noted as used in a time to come, nor earlier than before', async () => {
    const { id } = await addKey();
    await noteKeyUse(database.db, id, new Date(Date.now() + 86_400_000));
    const first = await lastUse(id);
    expect(Math.abs((first ?? 0) - Date.now())).toBeLessThan(60_000);
    await noteKeyUse(database.db, id, new Date(0));
    expect(await lastUse(id)).toBe(first);
  });
});
