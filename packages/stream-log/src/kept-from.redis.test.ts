import { afterEach, beforeEach, expect, it } from 'vitest';
import { LogCorner, producerId, shard, shardCount } from './log-corner.fixture.ts';
import { StreamReader } from './stream-reader.ts';

let corner: LogCorner;
beforeEach(async () => {
  corner = await LogCorner.open();
});
afterEach(() => corner.close());

const keptFrom = async () =>
  Object.fromEntries(await new StreamReader(corner.redis, corner.keys, shardCount).keptFrom(producerId));
const epochNow = async () => (await corner.live().head(producerId)).epoch;

/** Stores these, one batch each, and keeps the last `readings`. */
async function publish(bodies: readonly string[], readings: number): Promise<string> {
  for (const body of bodies) await corner.store(body);
  await corner.apply({ readings, persist: false });
  return epochNow();
}

it('says from which seq on a stream is kept, and nothing of one that nobody sent to', async () => {
  expect(await keptFrom()).toEqual({});
  const epoch = await publish(['one', 'two', 'three', 'four'], 2);
  expect(await corner.retained()).toEqual([3, 4]);
  expect(await keptFrom()).toEqual({ [epoch]: 3 });
});

it('names former epochs for as long as something of them is kept', async () => {
  const first = await publish(['one', 'two', 'three'], 2);
  await corner.redis.hset(corner.keys.stream(shard, producerId), 'life', 'a former one');
  const second = await publish(['four'], 2);
  expect(await keptFrom()).toEqual({ [first]: 3, [second]: 1 });
  await publish(['five', 'six'], 2);
  expect(await keptFrom()).toEqual({ [second]: 2 });
});

it('says of a stream of which nothing is kept that what comes next will be', async () => {
  const epoch = await publish(['one', 'two'], 2);
  await corner.writer({ ageMs: -1, persist: false }).trim(shard);
  expect(await corner.retained()).toEqual([]);
  expect(await keptFrom()).toEqual({ [epoch]: 3 });
});
