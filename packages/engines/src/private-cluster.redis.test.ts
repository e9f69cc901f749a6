import { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
import { findClusterProblems } from './check-redis.ts';
import { type PrivateCluster, startPrivateCluster } from './testing.ts';

test('a private cluster serves every slot, and a master that is killed has, once restarted, all it had acknowledged', async () => {
  const cluster = await startPrivateCluster();
  const redis = connect(cluster);
  try {
    const keys = Array.from({ length: 100 }, (_, at) => `key:${at}`);
    for (const key of keys) await redis.set(key, key);
    await Promise.all(cluster.masters.map((master) => master.kill()));
    await Promise.all(cluster.masters.map((master) => master.restart()));
    await cluster.isWhole();
    for (const key of keys) expect(await redis.get(key)).toBe(key);
    expect(redis.nodes('master')).toHaveLength(3);
  } finally {
    redis.disconnect();
    await cluster.close();
  }
});

test('what keeps a master of a cluster from holding readings safely is said, and of which', async () => {
  const cluster = await startPrivateCluster();
  const redis = connect(cluster);
  try {
    const [first, second] = cluster.masters;
    expect(await findClusterProblems([first?.url ?? ''])).toEqual([]);
    const master = redis.nodes('master').find(({ options }) => second?.address === `127.0.0.1:${options.port}`);
    await master?.config('SET', 'appendonly', 'no');
    expect(await findClusterProblems([first?.url ?? ''])).toEqual([
      expect.stringMatching(`^${second?.address}: .*log`),
    ]);
  } finally {
    redis.disconnect();
    await cluster.close();
  }
  await expect(findClusterProblems(['redis://:secret@127.0.0.1:1'])).rejects.toThrow(/127.0.0.1:1 cannot be used/);
});

test('a replica takes over from a master that is frozen', async () => {
  const cluster = await startPrivateCluster({ replicas: true });
  const redis = connect(cluster);
  try {
    await redis.set('{s2}', 'kept');
    const [master] = cluster.masters;
    const holder = redis.nodes('master').find(({ options }) => master?.address === `127.0.0.1:${options.port}`);
    expect(await holder?.wait(1, 10_000)).toBe(1);
    await master?.pause();
    const { address } = cluster.replicas[0] ?? {};
    await expect.poll(() => redis.slots[0]?.[0], { timeout: 30_000 }).toBe(address);
    expect(await redis.get('{s2}')).toBe('kept');
  } finally {
    redis.disconnect();
    await cluster.close();
  }
});

function connect({ masters, password }: PrivateCluster): Cluster {
  const redis = new Cluster(
    masters.map(({ url }) => url),
    {
      slotsRefreshInterval: 500,
      maxRedirections: 1_000,
      redisOptions: { password },
      clusterNodeRetryStrategy: () => 100,
    },
  );
  redis.on('error', () => {});
  return redis;
}
