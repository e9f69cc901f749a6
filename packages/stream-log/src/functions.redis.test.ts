import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LogCorner, producerId, segment, shard } from './log-corner.fixture.ts';
import { fixShardCount } from './shards.ts';

let redis: PrivateEngine;
let corner: LogCorner;

beforeAll(async () => {
  redis = await startPrivateRedis();
});
afterAll(() => redis.close());
beforeEach(async () => {
  corner = await LogCorner.open(redis.url);
});
afterEach(() => corner.close());

describe('functions that Redis lost', () => {
  it.each([
    ['FUNCTION', 'FLUSH'],
    ['SCRIPT', 'FLUSH'],
  ])('by %s %s are loaded again by the call that needs them', async (...command) => {
    await corner.store('one');
    await corner.redis.call(...command);
    await corner.store('two');
    await corner.redis.call(...command);
    expect(await corner.apply()).toBe(2);
    await corner.redis.call(...command);
    expect(await corner.live().head(producerId)).toMatchObject({ seq: 2 });
  });

  it('are loaded once where many calls need them at once', async () => {
    await corner.redis.call('FUNCTION', 'FLUSH');
    const log = corner.log();
    const numbers = [1, 2, 3, 4, 5];
    await Promise.all(numbers.map((number) => log.append(shard, number, [segment([String(number)])])));
    expect((await corner.stored()).toSorted()).toEqual(['1', '2', '3', '4', '5']);
    expect(await corner.redis.call('FUNCTION', 'LIST')).toHaveLength(1);
  });
});

describe('a Redis that is killed and started again', () => {
  it('goes on in a new epoch, with every flush that it had answered and all that it retained', async () => {
    await corner.store('one');
    await corner.apply();
    await corner.store('two');
    const before = await corner.live().head(producerId);
    await redis.kill();
    await redis.restart();
    expect(await corner.stored()).toEqual(['two']);
    expect(await corner.apply()).toBe(1);
    const after = await corner.live().head(producerId);
    expect([before.seq, after.seq]).toEqual([1, 1]);
    expect(after.epoch).not.toBe(before.epoch);
    const ranges = await corner.writer().unpersisted(shard, 10, 10_000);
    expect(ranges).toMatchObject([
      { epoch: before.epoch, from: 1, to: 1 },
      { epoch: after.epoch, from: 1, to: 1 },
    ]);
    await corner.writer().notePersisted(shard, ranges);
    expect(await corner.writer().unpersisted(shard, 10, 10_000)).toEqual([]);
  });

  it('is sent again, once, what it had not answered', async () => {
    await corner.store('one');
    await redis.kill();
    const storing = corner.store('two');
    await redis.restart();
    await storing;
    expect(await corner.stored()).toEqual(['one', 'two']);
  });
});

describe('a Redis that was emptied', () => {
  it('begins streams in a new epoch', async () => {
    await corner.store('one');
    await corner.apply();
    const before = await corner.live().head(producerId);
    await corner.redis.flushall();
    await corner.store('one again');
    await corner.apply();
    const after = await corner.live().head(producerId);
    expect(after.seq).toBe(1);
    expect(after.epoch).not.toBe(before.epoch);
  });
});

describe('the number of shards', () => {
  it('is fixed by the first who starts', async () => {
    await fixShardCount(corner.redis, corner.keys, 8);
    await fixShardCount(corner.redis, corner.keys, 8);
    await expect(fixShardCount(corner.redis, corner.keys, 16)).rejects.toThrow(
      'SHARDS is 16, but this Redis was begun with 8; it cannot change afterwards',
    );
  });
});
