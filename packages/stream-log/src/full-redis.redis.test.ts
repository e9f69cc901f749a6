import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LogCorner, producerId, shard, shardCount } from './log-corner.fixture.ts';
import { fixShardCount } from './shards.ts';

let redis: PrivateEngine;
let corner: LogCorner;

beforeAll(async () => {
  redis = await startPrivateRedis();
  corner = await LogCorner.open(redis.url);
});
afterAll(async () => {
  await corner.close();
  await redis.close();
});

describe('a Redis that has used up its memory', () => {
  it('takes nothing in, leads on what it has, and takes in again once that is persisted and trimmed', async () => {
    await fixShardCount(corner.redis, corner.keys, shardCount);
    await corner.store('x'.repeat(1024 * 1024));
    await corner.redis.config('SET', 'maxmemory', '1mb');
    await expect(corner.store('more')).rejects.toThrow('OOM');

    const writer = corner.writer({ readings: 0, bytes: 0 });
    expect(await writer.apply(shard, 10)).toMatchObject({ readings: 1 });
    expect(await corner.live().head(producerId)).toMatchObject({ seq: 1 });
    await fixShardCount(corner.redis, corner.keys, shardCount);
    const ranges = await writer.unpersisted(shard, 10, 1024 * 1024);
    expect(ranges).toMatchObject([{ producerId, from: 1, to: 1 }]);
    await writer.notePersisted(shard, ranges);
    await writer.trim(shard);
    expect(await corner.redis.xlen(corner.keys.retained(shard, producerId))).toBe(0);

    await corner.redis.config('SET', 'maxmemory', '64mb');
    await corner.store('more');
    expect(await writer.apply(shard, 10)).toMatchObject({ readings: 1 });
  });
});

describe('the retained windows of a shard that holds too much', () => {
  it('are cut to an equal share each, so that a busy stream does not push a quiet one out', async () => {
    const other = await LogCorner.open();
    const kilobyte = 'x'.repeat(1024);
    const quiet = String(Number(producerId) + shardCount);
    await other.storeFor(quiet, kilobyte);
    for (let at = 0; at < 20; at += 1) await other.store(kilobyte);
    const writer = other.writer({ shardBytes: 10 * 1024, persist: false });
    await writer.apply(shard, 100);
    const [busyLength, quietLength] = await Promise.all(
      [producerId, quiet].map((id) => other.redis.xlen(other.keys.retained(shard, id))),
    );
    expect(quietLength).toBe(1);
    // Each batch has a few bytes more than a KiB: of the 10 KiB the busy stream keeps at least its 5, and at most all the
    // quiet one left, plus the batch that made it look.
    expect(busyLength).toBeGreaterThanOrEqual(4);
    expect(busyLength).toBeLessThanOrEqual(10);
    await other.close();
  });
});
