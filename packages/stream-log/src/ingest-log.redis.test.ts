import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maxFlushSegments } from './flush-bounds.ts';
import { LogCorner, producerId, segment, shard, shardCount } from './log-corner.fixture.ts';

let corner: LogCorner;
beforeEach(async () => {
  corner = await LogCorner.open();
});
afterEach(() => corner.close());

const sequences = (deviceId: string, first: number, last: number) => ({ deviceId, first, last });

describe('a flush', () => {
  it('is stored in the order of its segments', async () => {
    const other = String(Number(producerId) + shardCount);
    const flush = [segment(['one', 'two']), segment(['three'], [], other), segment(['four'])];
    expect(await corner.log().append(shard, 1, flush)).toEqual({ outcome: 'stored' });
    expect(await corner.stored()).toEqual(['one', 'two', 'three', 'four']);
  });

  it('is stored once however often it is sent under its number', async () => {
    const log = corner.log();
    const flush = [segment(['one'], [sequences('a', 1, 1)])];
    const outcomes = await Promise.all([1, 2, 3].map(() => log.append(shard, 1, flush)));
    expect(outcomes).toEqual([{ outcome: 'stored' }, { outcome: 'stored' }, { outcome: 'stored' }]);
    expect(await log.append(shard, 2, [segment(['two'])])).toEqual({ outcome: 'stored' });
    expect(await log.append(shard, 1, flush)).toEqual({ outcome: 'stored' });
    expect(await corner.stored()).toEqual(['one', 'two']);
  });

  it('of another gateway has numbers of its own', async () => {
    await corner.log('first').append(shard, 1, [segment(['one'])]);
    await corner.log('second').append(shard, 1, [segment(['two'])]);
    expect(await corner.stored()).toEqual(['one', 'two']);
  });

  it('may have as many segments as the bound says', async () => {
    const flush = Array.from({ length: maxFlushSegments }, (_, index) => segment([String(index)]));
    expect(await corner.log().append(shard, 1, flush)).toEqual({ outcome: 'stored' });
    expect(await corner.stored()).toHaveLength(maxFlushSegments);
  });

  it('wakes whoever applies the shard', async () => {
    const listener = corner.connect();
    const woken = new Promise((resolve) => listener.once('smessage', resolve));
    await listener.ssubscribe(corner.keys.wake(shard));
    await corner.log().append(shard, 1, [segment(['one'])]);
    expect(await woken).toBe(corner.keys.wake(shard));
  });
});

describe('sequences that were stored before', () => {
  it('keep the whole flush out and are named with what is stored', async () => {
    const log = corner.log();
    await log.append(shard, 1, [segment(['one'], [sequences('a', 1, 5), sequences('b', 1, 9)])]);
    const stale = sequences('a', 5, 6);
    const flush = [segment(['two'], [sequences('b', 10, 11)]), segment(['three'], [sequences('c', 1, 1), stale])];
    expect(await log.append(shard, 2, flush)).toEqual({ outcome: 'stale', devices: [{ device: stale, stored: 5 }] });
    expect(await corner.stored()).toEqual(['one']);
  });

  it('keep nothing out once they are gone from the flush, under the same number', async () => {
    const log = corner.log();
    await log.append(shard, 1, [segment(['one'], [sequences('a', 1, 5)])]);
    await log.append(shard, 2, [segment(['two'], [sequences('a', 4, 6)])]);
    expect(await log.append(shard, 2, [segment(['three'], [sequences('a', 6, 6)])])).toEqual({ outcome: 'stored' });
    expect(await corner.stored()).toEqual(['one', 'three']);
    expect(await corner.redis.hgetall(corner.keys.sequences(shard, producerId))).toEqual({ a: '6' });
  });

  it('are also noticed when they come earlier in the same flush', async () => {
    const log = corner.log();
    const again = sequences('a', 3, 7);
    const flush = [segment(['one'], [sequences('a', 1, 5)]), segment(['two'], [again])];
    expect(await log.append(shard, 1, flush)).toEqual({ outcome: 'stale', devices: [{ device: again, stored: 5 }] });
    expect(await corner.stored()).toEqual([]);
    const [first] = flush;
    if (!first) throw new Error('expected a segment');
    const rest = segment(['three'], [sequences('a', 6, 7)]);
    expect(await log.append(shard, 1, [first, rest])).toEqual({ outcome: 'stored' });
    expect(await corner.stored()).toEqual(['one', 'three']);
  });

  it('never fall back in what is remembered when a device is named twice', async () => {
    const log = corner.log();
    await log.append(shard, 1, [segment(['one'], [sequences('a', 1, 9)])]);
    const [low, high] = [sequences('a', 2, 3), sequences('a', 5, 20)];
    expect(await log.append(shard, 2, [segment(['two'], [low]), segment(['three'], [high])])).toEqual({
      outcome: 'stale',
      devices: [
        { device: low, stored: 9 },
        { device: high, stored: 9 },
      ],
    });
  });

  it('of another producer do not matter, and large ones are told exactly', async () => {
    const log = corner.log();
    const largest = Number.MAX_SAFE_INTEGER;
    const other = String(Number(producerId) + shardCount);
    await log.append(shard, 1, [segment(['one'], [sequences('a', largest, largest)])]);
    expect(await log.append(shard, 2, [segment(['two'], [sequences('a', 1, 1)], other)])).toEqual({
      outcome: 'stored',
    });
    expect(await log.append(shard, 3, [segment(['three'], [sequences('a', largest, largest)])])).toMatchObject({
      devices: [{ stored: largest }],
    });
  });
});

describe('a backlog over its bound', () => {
  it('takes nothing until it is applied, and persisted where that is wanted', async () => {
    const log = corner.log('gateway', 100);
    const large = 'x'.repeat(200);
    expect(await log.append(shard, 1, [segment([large])])).toEqual({ outcome: 'stored' });
    expect(await log.append(shard, 2, [segment(['two'])])).toEqual({ outcome: 'full' });
    const writer = corner.writer();
    await corner.apply();
    expect(await log.append(shard, 2, [segment(['two'])])).toEqual({ outcome: 'full' });
    await writer.notePersisted(shard, await writer.unpersisted(shard, 10, 10_000));
    expect(await log.append(shard, 2, [segment(['two'])])).toEqual({ outcome: 'stored' });
    expect(await corner.stored()).toEqual(['two']);
  });

  it('still says of a flush that was stored that it was', async () => {
    const log = corner.log('gateway', 100);
    const flush = [segment(['x'.repeat(200)])];
    await log.append(shard, 1, flush);
    expect(await log.append(shard, 1, flush)).toEqual({ outcome: 'stored' });
  });
});
