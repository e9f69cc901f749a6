import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bodiesOf, LogCorner, producerId, shard, shardCount } from './log-corner.fixture.ts';
import { RetainedStreams, type StreamPart } from './retained-streams.ts';

let redis: PrivateEngine;
let corner: LogCorner;
let retained: RetainedStreams;

beforeAll(async () => {
  redis = await startPrivateRedis();
});
afterAll(() => redis.close());
beforeEach(async () => {
  corner = await LogCorner.open(redis.url);
  retained = new RetainedStreams(corner.redis, corner.keys, shardCount);
});
afterEach(() => corner.close());

const head = () => corner.live().head(producerId);
const restart = () => redis.kill().then(() => redis.restart());
const bodies = ({ batches }: StreamPart) => batches.flatMap(({ batch }) => bodiesOf(batch));

/** Numbers these readings, one batch each; the stream's epoch. */
async function publish(...names: string[]): Promise<string> {
  for (const name of names) await corner.store(name);
  await corner.apply();
  return (await head()).epoch;
}

describe('what follows a position', () => {
  it('is all up to the head, with where each batch stands', async () => {
    const epoch = await publish('one', 'two', 'three');
    const part = await retained.readAfter(producerId, { epoch, seq: 1 }, 10_000);
    expect(part).toMatchObject({
      standing: 'known',
      start: { epoch, seq: 1 },
      head: { epoch, seq: 3 },
      missing: [],
      batches: [
        { epoch, firstSeq: 2, count: 1 },
        { epoch, firstSeq: 3, count: 1 },
      ],
      reachesHead: true,
    });
    expect(bodies(part)).toEqual(['two', 'three']);
    expect(Math.abs(Date.now() - (part.batches[0]?.retainedAtMs ?? 0))).toBeLessThan(60_000);
  });

  it('includes the batch in whose middle the position lies', async () => {
    await corner.store('one', 'two', 'three');
    await corner.apply();
    const { epoch } = await head();
    const part = await retained.readAfter(producerId, { epoch, seq: 2 }, 10_000);
    expect(part.batches).toMatchObject([{ firstSeq: 1, count: 3 }]);
  });

  it('comes in parts of about the bytes asked for', async () => {
    const epoch = await publish('one', 'two', 'three');
    const part = await retained.readAfter(producerId, { epoch, seq: 0 }, 10);
    expect(bodies(part)).toEqual(['one', 'two']);
    expect(part.reachesHead).toBe(false);
  });

  it('is nothing at the head, also of a stream that nobody sent to', async () => {
    const epoch = await publish();
    expect(await retained.readAfter(producerId, { epoch, seq: 0 }, 10_000)).toMatchObject({
      standing: 'known',
      missing: [],
      batches: [],
      reachesHead: true,
    });
  });

  it('names what is no longer retained', async () => {
    for (const name of ['one', 'two', 'three', 'four']) await corner.store(name);
    await corner.apply({ readings: 2, persist: false });
    const { epoch } = await head();
    const part = await retained.readAfter(producerId, { epoch, seq: 1 }, 10_000);
    expect(part).toMatchObject({ missing: [{ epoch, from: 2, to: 2 }], batches: [], reachesHead: false });
    expect(bodies(await retained.readAfter(producerId, { epoch, seq: 2 }, 10_000))).toEqual(['three', 'four']);
  });
});

describe('after Redis was restarted', () => {
  it('a position of the epoch before goes on to its end, and then through those that follow', async () => {
    const first = await publish('one', 'two');
    await restart();
    const second = await publish('three');
    await restart();
    const third = await publish();
    const part = await retained.readAfter(producerId, { epoch: first, seq: 1 }, 10_000);
    expect(part).toMatchObject({
      standing: 'known',
      start: { epoch: first, seq: 1 },
      head: { epoch: third, seq: 0 },
      batches: [
        { epoch: first, firstSeq: 2 },
        { epoch: second, firstSeq: 1 },
      ],
      reachesHead: true,
    });
    expect(new Set([first, second, third]).size).toBe(3);
  });

  it('what is no longer retained is named by epoch', async () => {
    const first = await publish('one', 'two');
    await restart();
    await corner.store('three');
    await corner.store('four');
    await corner.apply({ readings: 1, persist: false });
    const second = (await head()).epoch;
    const part = await retained.readAfter(producerId, { epoch: first, seq: 1 }, 10_000);
    expect(part.missing).toEqual([
      { epoch: first, from: 2, to: 2 },
      { epoch: second, from: 1, to: 1 },
    ]);
    expect(bodies(await retained.readAfter(producerId, { epoch: second, seq: 1 }, 10_000))).toEqual(['four']);
  });

  it('a position that lies beyond the end of its epoch goes on with the next one', async () => {
    const first = await publish('one');
    await restart();
    const second = await publish('new one');
    expect(await retained.readAfter(producerId, { epoch: first, seq: 7 }, 10_000)).toMatchObject({
      standing: 'beyond',
      start: { epoch: second, seq: 0 },
      batches: [{ epoch: second, firstSeq: 1 }],
    });
  });
});

describe('former epochs', () => {
  /** As if Redis had been restarted: the stream's next touch begins a new epoch. */
  const outlive = async () => {
    await corner.redis.hset(corner.keys.stream(shard, producerId), 'life', 'a former one');
    return (await head()).epoch;
  };
  const readAfter = (epoch: string, seq: number) => retained.readAfter(producerId, { epoch, seq }, 10_000);

  it('are remembered, the last 64 and those before whose readings are not in PostgreSQL', async () => {
    const first = await publish('one', 'two');
    const later: string[] = [];
    while (later.length < 70) later.push(await outlive());
    const writer = corner.writer();
    const ranges = await writer.unpersisted(shard, 10, 10_000);
    expect(ranges).toMatchObject([{ epoch: first, from: 1, to: 2 }]);
    const part = await readAfter(first, 1);
    expect(part.standing).toBe('known');
    expect(bodies(part)).toEqual(['two']);
    await writer.notePersisted(shard, ranges);
    expect(await writer.unpersisted(shard, 10, 10_000)).toEqual([]);
    await outlive();
    const standings = await Promise.all([first, ...later.slice(5, 7)].map((epoch) => readAfter(epoch, 0)));
    expect(standings.map(({ standing }) => standing)).toEqual(['unknown', 'unknown', 'known']);
  });
});

describe('a position of an epoch that a restored backup does not have', () => {
  const key = () => corner.keys.stream(shard, producerId);
  const window = () => corner.keys.retained(shard, producerId);

  /** What Redis holds of the stream; restores it when called. */
  async function backUp(): Promise<() => Promise<void>> {
    const [state, readings] = await Promise.all([corner.redis.dumpBuffer(key()), corner.redis.dumpBuffer(window())]);
    return async () => {
      await corner.redis.restore(key(), 0, state, 'REPLACE');
      await corner.redis.restore(window(), 0, readings, 'REPLACE');
    };
  }

  it('goes on with the first epoch that began after it, and repeats nothing from before it', async () => {
    await publish('one');
    const restore = await backUp();
    await restart();
    const lost = await publish('lost');
    await restart();
    await restore();
    const third = await publish('three');
    await restart();
    const fourth = await publish('four');
    const part = await retained.readAfter(producerId, { epoch: lost, seq: 1 }, 10_000);
    expect(part).toMatchObject({
      standing: 'unknown',
      start: { epoch: third, seq: 0 },
      head: { epoch: fourth, seq: 1 },
      missing: [],
    });
    expect(bodies(part)).toEqual(['three', 'four']);
  });

  it('goes on with the current one when none of those known began after it', async () => {
    await publish('one');
    const current = await restart().then(() => publish('two'));
    const part = await retained.readAfter(producerId, { epoch: `${current}-later`, seq: 4 }, 10_000);
    expect(part).toMatchObject({ standing: 'unknown', start: { epoch: current, seq: 0 }, missing: [] });
    expect(bodies(part)).toEqual(['two']);
  });
});

describe('a position that Redis cannot place', () => {
  it('of an unknown epoch goes on with the first reading that is known of', async () => {
    const first = await publish('one');
    await restart();
    await publish('two');
    const part = await retained.readAfter(producerId, { epoch: 'another', seq: 7 }, 10_000);
    expect(part).toMatchObject({ standing: 'unknown', start: { epoch: first, seq: 0 }, missing: [] });
    expect(bodies(part)).toEqual(['one', 'two']);
  });

  it('beyond the head goes on from the head', async () => {
    const epoch = await publish('one');
    expect(await retained.readAfter(producerId, { epoch, seq: 7 }, 10_000)).toMatchObject({
      standing: 'beyond',
      start: { epoch, seq: 1 },
      batches: [],
    });
  });
});

describe('a note that readings are in PostgreSQL', () => {
  it('which were numbered in a life that Redis lost changes nothing', async () => {
    const writer = corner.writer();
    await publish('one', 'two');
    const ranges = await writer.unpersisted(shard, 10, 10_000);
    // As if Redis had lost the second one, and numbered another in its place.
    await corner.redis.hset(corner.keys.stream(shard, producerId), 'head', '1');
    await corner.redis.xtrim(corner.keys.retained(shard, producerId), 'MAXLEN', 1);
    await restart();
    await publish();
    await writer.notePersisted(shard, ranges);
    expect(await corner.redis.hget(corner.keys.stream(shard, producerId), 'persisted')).toBe('0');
  });
});
