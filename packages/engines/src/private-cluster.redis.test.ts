import { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
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

test('a replica takes over from a master that is frozen', async () => {
  const cluster = await startPrivateCluster({ replicas: true });
  const redis = connect(cluster);
  try {
    await redis.set('{s2}', 'kept');
    await cluster.masters[0]?.pause();
    const { address } = cluster.replicas[0] ?? {};
    await expect.poll(() => redis.slots[0]?.[0], { timeout: 15_000 }).toBe(address);
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
