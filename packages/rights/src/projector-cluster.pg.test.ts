import { randomUUID } from 'node:crypto';
import { openDatabase, sessions, users } from '@motience/database';
import { createTestDatabase, startPrivateCluster } from '@motience/engines/testing';
import { createKeys, openRedis, type Right, RightsStore } from '@motience/stream-log';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createProjector } from './projector.ts';

it('a master of a cluster that is away holds up only the rights that it holds', { timeout: 60_000 }, async () => {
  const [cluster, testDatabase] = await Promise.all([startPrivateCluster(), createTestDatabase()]);
  const database = openDatabase(testDatabase.url);
  const redis = openRedis({ nodes: cluster.masters.map(({ url }) => url) }, { onError: () => {} });
  onTestFinished(async () => {
    redis.disconnect();
    await database.close();
    await Promise.all([cluster.close(), testDatabase.drop()]);
  });
  const keys = createKeys('test');
  const rights = new RightsStore(redis, keys);
  const projector = createProjector({ database, rights, logger: { info: () => {}, warn: () => {} }, pollMs: 100 });
  onTestFinished(() => projector.stop());
  projector.start();
  await vi.waitFor(async () => expect(await rights.isComplete()).toBe(true), { timeout: 30_000 });

  const [user] = await database.db
    .insert(users)
    .values({ username: 'someone', passwordHash: '-', role: 'consumer' })
    .returning({ id: users.id });
  /** A session that is held by another master than those, or by the same one. */
  const session = async (isWanted: (master: string) => boolean): Promise<Right> => {
    for (;;) {
      const right: Right = { kind: 'session', accountId: String(user?.id), item: randomUUID() };
      if (!isWanted(rights.masterOf(right))) continue;
      const row = { id: right.item, userId: user?.id ?? 0n, expiresAt: new Date(Date.now() + 3_600_000) };
      await database.db.insert(sessions).values(row);
      return right;
    }
  };
  // What is told goes over the master that has the channel, which stays.
  const slot = Number(await redis.call('CLUSTER', 'KEYSLOT', keys.rightsChanges));
  const telling = 'slots' in redis ? redis.slots[slot]?.[0] : undefined;
  const gone = cluster.masters.find(({ address }) => address !== telling);
  const port = new URL(gone?.url ?? '').port;
  await gone?.kill();
  const heldUp = await session((master) => master.endsWith(`:${port}`));
  const free = await session((master) => !master.endsWith(`:${port}`));
  await projector.project(heldUp);
  const startedAt = performance.now();
  await projector.project(free);
  expect(performance.now() - startedAt).toBeLessThan(900);
  expect(await rights.has(free)).toBe(true);
});
