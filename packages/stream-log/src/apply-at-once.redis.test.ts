import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LogCorner, numbered, producerId, segment, shard, shardCount } from './log-corner.fixture.ts';

let corner: LogCorner;
beforeEach(async () => {
  corner = await LogCorner.open();
});
afterEach(() => corner.close());

const other = String(Number(producerId) + shardCount);
const first = { deviceId: 'a', first: 1, last: 2 };
const left = async () => Number(await corner.redis.hget(corner.keys.shard(shard), 'unpersisted_bytes'));

describe('a flush, once a stream manager allows it', () => {
  it('is numbered, retained and published as it is stored, each stream by itself', async () => {
    const published = await corner.follow();
    await corner.applyAtOnce();
    await corner.log().append(shard, 1, [segment(['one', 'two']), segment(['x'], [], other), segment(['three'])]);
    await vi.waitFor(() => expect(numbered(published)).toEqual(['1 one', '2 two', '3 three']), 30_000);
    expect(await corner.retained()).toEqual([2, 3]);
    expect(await corner.live().head(other)).toMatchObject({ seq: 1 });
    expect(await corner.stored()).toEqual([]);
    expect(await corner.apply()).toBe(0);
  });

  it('is applied once however often it is sent under its number', async () => {
    await corner.applyAtOnce();
    const log = corner.log();
    const flush = [segment(['one', 'two'], [first])];
    const outcomes = await Promise.all([1, 2, 3].map(() => log.append(shard, 1, flush)));
    expect(outcomes).toEqual([{ outcome: 'stored' }, { outcome: 'stored' }, { outcome: 'stored' }]);
    expect(await corner.live().head(producerId)).toMatchObject({ seq: 2 });
  });

  it('with a repeat in it is not applied at all', async () => {
    const published = await corner.follow();
    await corner.applyAtOnce();
    const log = corner.log();
    await log.append(shard, 1, [segment(['one', 'two'], [first])]);
    expect(await log.append(shard, 2, [segment(['x'], [], other), segment(['two'], [first])])).toMatchObject({
      outcome: 'stale',
    });
    await log.append(shard, 3, [segment(['three'], [{ ...first, first: 3, last: 3 }])]);
    await vi.waitFor(() => expect(numbered(published)).toEqual(['1 one', '2 two', '3 three']), 30_000);
    expect(await corner.live().head(other)).toMatchObject({ seq: 0 });
  });

  it('does not overtake what waits in the ingest log', async () => {
    const published = await corner.follow();
    await corner.store('one');
    await corner.applyAtOnce();
    await corner.store('two');
    expect(await corner.stored()).toEqual(['one', 'two']);
    await corner.apply();
    await corner.store('three');
    await vi.waitFor(() => expect(numbered(published)).toEqual(['1 one', '2 two', '3 three']), 30_000);
  });

  it('keeps the retained window within the bounds that the manager named last', async () => {
    await corner.applyAtOnce({ readings: 4, persist: false });
    for (const name of ['1', '2', '3', '4', '5', '6']) await corner.store(name);
    expect(await corner.retained()).toEqual([3, 4, 5, 6]);
    await corner.applyAtOnce({ readings: 2, persist: false });
    for (const name of ['7', '8', '9']) await corner.store(name);
    expect(await corner.retained()).toEqual([8, 9]);
  });

  it('counts as backlog until it is in PostgreSQL', async () => {
    await corner.applyAtOnce();
    const log = corner.log('gateway', 100);
    const large = 'x'.repeat(200);
    expect(await log.append(shard, 1, [segment([large])])).toEqual({ outcome: 'stored' });
    expect(await log.append(shard, 2, [segment(['two'])])).toEqual({ outcome: 'full' });
    const writer = corner.writer();
    const ranges = await writer.unpersisted(shard, 10, 10_000);
    expect(ranges).toMatchObject([{ producerId, from: 1, to: 1 }]);
    await writer.notePersisted(shard, ranges);
    expect(await left()).toBe(0);
    expect(await log.append(shard, 2, [segment(['two'])])).toEqual({ outcome: 'stored' });
  });

  it('waits in the ingest log again once persistence was given up, until the bounds are named anew', async () => {
    await corner.applyAtOnce();
    await corner.store('one');
    await corner.writer().forgetUnpersisted(shard);
    await corner.store('two');
    expect(await corner.stored()).toEqual(['two']);
    await corner.apply({ persist: false });
    await corner.applyAtOnce({ persist: false });
    await corner.store('three');
    expect(await corner.stored()).toEqual([]);
    expect(await left()).toBe(0);
  });
});
