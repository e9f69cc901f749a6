import { randomUUID } from 'node:crypto';
import { createTestRedis } from '@motience/engines/testing';
import { createKeys, openRedis, RightsStore } from '@motience/stream-log';
import type { KeyGrant } from '@motience/tokens';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createKeyFinder } from './find-key.ts';

const grant: KeyGrant = {
  accountId: '7',
  role: 'consumer',
  scopes: ['stream:receive'],
  secretHash: 'any',
  expiresAt: null,
};

async function openRights() {
  const { url, prefix, drop } = await createTestRedis();
  const redis = openRedis(url, { onError: () => {} });
  onTestFinished(async () => {
    redis.disconnect();
    await drop();
  });
  const rights = new RightsStore(redis, createKeys(prefix));
  await vi.waitFor(() => expect(rights.isConnected).toBe(true), 30_000);
  return { redis, rights };
}

async function grantKey(rights: RightsStore): Promise<string> {
  const id = randomUUID();
  const right = { kind: 'session', accountId: '7', item: id } as const;
  await rights.grant({ ...right, seconds: undefined, apiKey: JSON.stringify(grant) });
  return id;
}

it('finds a key among the rights, and notes its use', async () => {
  const { rights } = await openRights();
  await rights.finishRebuild(await rights.beginRebuild());
  const find = createKeyFinder(rights);
  const id = await grantKey(rights);
  const found = await find(id);
  expect(found?.grant).toEqual(grant);
  found?.onUse();
  await vi.waitFor(async () => expect(await rights.takeUsedApiKeys(10)).toMatchObject([{ id }]), 30_000);
  expect(await find(randomUUID())).toBeUndefined();
});

it('takes no key for unknown while Redis does not hold all rights, or is away', async () => {
  const { redis, rights } = await openRights();
  const find = createKeyFinder(rights);
  const id = await grantKey(rights);
  for (const asked of [id, randomUUID()]) await expect(find(asked)).rejects.toMatchObject({ kind: 'unavailable' });
  redis.disconnect();
  await vi.waitFor(() => expect(rights.isConnected).toBe(false), 30_000);
  await expect(find(id)).rejects.toMatchObject({ kind: 'unavailable' });
});
