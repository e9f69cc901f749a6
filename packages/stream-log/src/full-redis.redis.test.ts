import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LogCorner, producerId, segment, shard, shardCount } from './log-corner.fixture.ts';
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

describe('the retained windows of a shard', () => {
  it('are trimmed to their bounds however many batches that takes, in calls that are each bounded', async () => {
    const own = await LogCorner.open(redis.url);
    const streams = Array.from({ length: 5 }, (_, at) => String(Number(producerId) + at * shardCount));
    const log = own.log();
    const flush = streams.flatMap((id) => Array.from({ length: 100 }, () => segment(['one'], [], id)));
    for (let number = 1; number <= 10; number += 1) await log.append(shard, number, flush);
    const writer = own.writer({ readings: 10 });
    while ((await own.writer().apply(shard, 1_000)).endedEarly);
    const lengths = () => Promise.all(streams.map((id) => own.redis.xlen(own.keys.retained(shard, id))));
    const ranges = await writer.unpersisted(shard, 10, 2 ** 24);
    expect(await lengths()).toEqual(streams.map(() => 1_000));
    await own.redis.config('RESETSTAT');
    await writer.notePersisted(shard, ranges);
    expect(await lengths()).toEqual(streams.map(() => 10));
    // Of 4,950 batches no call takes away more than 2,000.
    const calls = /cmdstat_fcall:calls=(\d+)/.exec(await own.redis.info('commandstats'))?.[1];
    expect(Number(calls)).toBe(3);
    expect(await own.redis.hget(own.keys.shard(shard), 'retained_bytes')).toBe(String(5 * 10 * (1 + 1 + 4 + 3)));
    await own.close();
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

  it('are shared by those that hold anything, not by those that once did', async () => {
    const other = await LogCorner.open();
    const kilobyte = 'x'.repeat(1024);
    const quiet = Array.from({ length: 100 }, (_, at) => String(Number(producerId) + (at + 1) * shardCount));
    for (const id of quiet) await other.storeFor(id, 'gone');
    await other.writer({ persist: false }).apply(shard, 1_000);
    await other.writer({ persist: false, ageMs: -1 }).trim(shard);
    for (const call of other.live().heads(quiet)) await call.heads;
    for (let at = 0; at < 20; at += 1) await other.store(kilobyte);
    await other.writer({ shardBytes: 10 * 1024, persist: false }).apply(shard, 1_000);
    expect(await other.redis.xlen(other.keys.retained(shard, producerId))).toBe(9);
    await other.close();
  });
});
