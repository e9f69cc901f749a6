import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bodiesOf, LogCorner, numbered, producerId, segment, shard, shardCount } from './log-corner.fixture.ts';
import type { UnpersistedRange } from './stream-writer.ts';

let corner: LogCorner;
beforeEach(async () => {
  corner = await LogCorner.open();
});
afterEach(() => corner.close());

const names = (count: number, prefix = '') => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

const summary = (ranges: readonly UnpersistedRange[]) =>
  ranges.map(({ from, to, batches }) => ({ from, to, bodies: batches.flatMap(({ batch }) => bodiesOf(batch)) }));

describe('applying', () => {
  it('numbers from 1 on without holes, retains and publishes, in the order stored', async () => {
    const published = await corner.follow();
    await corner.store('one', 'two');
    await corner.store('three');
    expect(await corner.apply()).toBe(3);
    await corner.store('four');
    expect(await corner.apply()).toBe(1);
    await vi.waitFor(() => expect(numbered(published)).toEqual(['1 one', '2 two', '3 three', '4 four']), 30_000);
    expect(new Set(published.map(({ epoch }) => epoch)).size).toBe(1);
    expect(await corner.retained()).toEqual([2, 3, 4]);
    expect(await corner.stored()).toEqual([]);
  });

  it('happens once to each entry however many call at once', async () => {
    const published = await corner.follow();
    for (let count = 1; count <= 60; count += 1) await corner.store(String(count));
    const counts = await Promise.all(Array.from({ length: 40 }, () => corner.apply({}, 7)));
    expect(counts.reduce((sum, readings) => sum + readings, 0)).toBe(60);
    await vi.waitFor(() => expect(published).toHaveLength(60), 30_000);
    expect(numbered(published)).toEqual(names(60).map((name) => `${name} ${name}`));
  });

  it('keeps a running total of the bytes of each epoch with the numbers, retained and published', async () => {
    const published = await corner.follow();
    await corner.store('one', 'é!');
    await corner.store('three');
    await corner.apply();
    const totals = [
      { bytesBefore: 0, bytesThrough: 6 },
      { bytesBefore: 6, bytesThrough: 11 },
    ];
    await vi.waitFor(() => expect(published).toMatchObject(totals), 30_000);
    const [range] = await corner.writer().unpersisted(shard, 10, 10_000);
    expect(range?.batches).toMatchObject(totals);
    await corner.redis.hset(corner.keys.stream(shard, producerId), 'life', 'a former one');
    await corner.store('four');
    await corner.apply();
    await vi.waitFor(
      () => expect(published.slice(2)).toMatchObject([{ bytesBefore: 0, bytesThrough: 4, firstSeq: 1 }]),
      30_000,
    );
  });

  it('counts the bytes of what a version before stored, and begins an epoch where that kept no total', async () => {
    const published = await corner.follow();
    await corner.store('one');
    await corner.apply();
    await corner.redis.hdel(corner.keys.stream(shard, producerId), 'body_bytes');
    const { batch } = segment(['one', 'é!']);
    await corner.redis.xadd(corner.keys.ingest(shard), '*', `${producerId}:2`, batch.bytes());
    await corner.apply();
    const next = { bytesBefore: 0, bytesThrough: 6, firstSeq: 1 };
    await vi.waitFor(() => expect(published.slice(1)).toMatchObject([next]), 30_000);
    expect(published[1]?.epoch).not.toBe(published[0]?.epoch);
  });

  it('numbers each stream by itself', async () => {
    const other = String(Number(producerId) + shardCount);
    await corner.log().append(shard, 1, [segment(['a']), segment(['b'], [], other), segment(['c'])]);
    await corner.apply();
    const live = corner.live();
    expect([(await live.head(producerId)).seq, (await live.head(other)).seq]).toEqual([2, 1]);
  });

  it('ends after the batches or the bytes asked for, and tells how many bytes it applied', async () => {
    const other = String(Number(producerId) + shardCount);
    const twoBatches = [segment(['a'.repeat(100)]), segment(['b'.repeat(100)], [], other)];
    for (let flush = 1; flush <= 4; flush += 1) await corner.log().append(shard, flush, twoBatches);
    const bytes = 2 * (1 + 1 + 4 + 100);
    const writer = corner.writer();
    const done = { entries: 1, readings: 2, bytes, endedEarly: true, unpersistedBytes: bytes };
    expect(await writer.apply(shard, 2)).toEqual(done);
    const two = { entries: 2, readings: 4, bytes: 2 * bytes, unpersistedBytes: 3 * bytes };
    expect(await writer.apply(shard, 100, bytes + 1)).toEqual({ ...done, ...two });
    const rest = { endedEarly: false, unpersistedBytes: 4 * bytes };
    expect(await writer.apply(shard, 100)).toEqual({ ...done, ...rest });
  });

  it('of an empty log changes nothing', async () => {
    expect(await corner.apply()).toBe(0);
  });
});

describe('an epoch', () => {
  it('is named later than any before it, also when the clock has gone back', async () => {
    const inAnHour = `${(Date.now() + 3_600_000).toString(36)}-abc`;
    const stream = corner.keys.stream(shard, producerId);
    const live = corner.live();
    await live.head(producerId);
    await corner.redis.hset(stream, 'epoch', inAnHour);
    const epochs = [inAnHour];
    for (let times = 0; times < 3; times += 1) {
      await corner.redis.hset(stream, 'life', 'a former one');
      epochs.push((await live.head(producerId)).epoch);
    }
    expect(epochs).toEqual([...new Set(epochs)].toSorted());
  });

  it('is named by the clock of Redis, for each stream by itself', async () => {
    const streams = Array.from({ length: 3 }, (_, at) => String(Number(producerId) + at * shardCount));
    vi.useFakeTimers({ toFake: ['Date'], now: 0 });
    const told = await Promise.all(streams.map((id) => corner.live().head(id))).finally(() => vi.useRealTimers());
    for (const { epoch } of told) {
      expect(epoch).toMatch(/^[0-9a-z]+-[0-9a-f]+$/);
      expect(Math.abs(Number.parseInt(epoch, 36) - Date.now())).toBeLessThan(60_000);
    }
  });
});

describe('a stream that Redis no longer knows', () => {
  it('begins again at 1 in a new epoch, without what was retained before', async () => {
    await corner.store('one', 'two');
    await corner.apply();
    const live = corner.live();
    const before = await live.head(producerId);
    await corner.redis.del(corner.keys.stream(shard, producerId));
    await corner.store('three');
    await corner.apply();
    const after = await live.head(producerId);
    expect([before.seq, after.seq]).toEqual([2, 1]);
    expect(after.epoch).not.toBe(before.epoch);
    expect(await corner.retained()).toEqual([1]);
  });

  it('keeps the epoch that whoever follows it first was told', async () => {
    const told = await corner.live().head(producerId);
    const published = await corner.follow();
    await corner.store('one');
    await corner.apply();
    await vi.waitFor(() => expect(published).toMatchObject([{ epoch: told.epoch, firstSeq: told.seq + 1 }]), 30_000);
  });
});

describe('readings that are not in PostgreSQL yet', () => {
  it('are told oldest first until they are noted', async () => {
    const writer = corner.writer();
    await corner.store('one', 'two');
    await corner.store('three');
    await corner.apply();
    const ranges = await writer.unpersisted(shard, 10, 10_000);
    expect(summary(ranges)).toEqual([{ from: 1, to: 3, bodies: ['one', 'two', 'three'] }]);
    await corner.store('four');
    await corner.apply();
    await writer.notePersisted(shard, ranges);
    expect(summary(await writer.unpersisted(shard, 10, 10_000))).toEqual([{ from: 4, to: 4, bodies: ['four'] }]);
  });

  it('come in parts of about the bytes asked for, each a range that follows the last', async () => {
    const writer = corner.writer();
    for (const name of names(5)) await corner.store(name.repeat(100));
    await corner.apply();
    const told: number[] = [];
    for (;;) {
      const ranges = await writer.unpersisted(shard, 10, 200);
      if (ranges.length === 0) break;
      told.push(...ranges.map(({ to }) => to));
      await writer.notePersisted(shard, ranges);
    }
    expect(told).toEqual([2, 4, 5]);
  });

  it('are noted once: an older or a repeated note changes nothing', async () => {
    const writer = corner.writer();
    await corner.store('one');
    await corner.apply();
    const first = await writer.unpersisted(shard, 10, 10_000);
    await corner.store('two');
    await corner.apply();
    const both = await writer.unpersisted(shard, 10, 10_000);
    const left = async () => Number(await corner.redis.hget(corner.keys.shard(shard), 'unpersisted_bytes'));
    await writer.notePersisted(shard, first);
    const afterFirst = await left();
    await writer.notePersisted(shard, both);
    await writer.notePersisted(shard, first);
    expect(await left()).toBe(afterFirst);
    expect(summary(await writer.unpersisted(shard, 10, 10_000))).toEqual([{ from: 2, to: 2, bodies: ['two'] }]);
    await writer.notePersisted(shard, await writer.unpersisted(shard, 10, 10_000));
    expect(await left()).toBe(0);
  });

  it('of an epoch that is over are not noted for the new one', async () => {
    const writer = corner.writer();
    await corner.store('one');
    await corner.apply();
    const old = await writer.unpersisted(shard, 10, 10_000);
    await corner.redis.del(corner.keys.stream(shard, producerId));
    await corner.store('new');
    await corner.apply();
    await writer.notePersisted(shard, old);
    expect(summary(await writer.unpersisted(shard, 10, 10_000))).toEqual([{ from: 1, to: 1, bodies: ['new'] }]);
  });
});

describe('the retained window', () => {
  const persistAll = async (writer: ReturnType<LogCorner['writer']>) =>
    writer.notePersisted(shard, await writer.unpersisted(shard, 10, 1_000_000));

  it.each([
    ['readings', { readings: 3 }],
    ['bytes', { bytes: 3 * 14 }],
    ['age', { ageMs: -1 }],
  ])('keeps what is not in PostgreSQL whatever its bound of %s', async (_, bounds) => {
    const writer = corner.writer(bounds);
    for (const name of names(6)) await corner.store(`reading${name}`);
    await corner.apply(bounds);
    await writer.trim(shard);
    expect(await corner.retained()).toEqual([1, 2, 3, 4, 5, 6]);
    await persistAll(writer);
    await writer.trim(shard);
    expect((await corner.retained()).length).toBeLessThanOrEqual(3);
  });

  it.each([
    ['readings', { readings: 3 }],
    ['bytes', { bytes: 3 * 14 }],
  ])('keeps the newest within its bound of %s', async (_, bounds) => {
    for (const name of names(6)) await corner.store(`reading${name}`);
    await corner.apply({ ...bounds, persist: false });
    expect(await corner.retained()).toEqual([4, 5, 6]);
    const state = await corner.redis.hgetall(corner.keys.stream(shard, producerId));
    expect(state).toMatchObject({ retained_from: '4', bytes: String(3 * 14), head: '6' });
  });

  it('forgets what is too old of a quiet stream when it is trimmed', async () => {
    await corner.store('one');
    await corner.apply({ persist: false });
    await corner.writer({ persist: false }).trim(shard);
    expect(await corner.retained()).toEqual([1]);
    await corner.writer({ persist: false, ageMs: -1 }).trim(shard);
    expect(await corner.retained()).toEqual([]);
  });

  it('holds nothing for PostgreSQL once persistence was given up', async () => {
    const writer = corner.writer({ readings: 1 });
    await corner.store('one');
    await corner.store('two');
    await corner.apply({ readings: 1 });
    await writer.forgetUnpersisted(shard);
    expect(await writer.unpersisted(shard, 10, 10_000)).toEqual([]);
    await corner.writer({ readings: 1, persist: false }).trim(shard);
    expect(await corner.retained()).toEqual([2]);
  });
});
