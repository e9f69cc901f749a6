import { afterEach, beforeEach, expect, it } from 'vitest';
import { LogCorner, shardCount } from './log-corner.fixture.ts';

let corner: LogCorner;
beforeEach(async () => {
  corner = await LogCorner.open();
});
afterEach(() => corner.close());

it('the heads of many streams are asked for with a call for some hundreds of a shard, each with its answer', async () => {
  const streams = Array.from({ length: 2_500 }, (_, at) => String(at + 1));
  await corner.storeFor('7', 'one', 'two');
  await corner.writer().apply(7 % shardCount, 10);
  const live = corner.live();
  const calls = live.heads(streams);
  expect(calls).toHaveLength(8);
  const heads = new Map<string, unknown>();
  for (const { producerIds, heads: answer } of calls) {
    (await answer).forEach((head, at) => void heads.set(producerIds[at] ?? '', head));
  }
  expect(heads.size).toBe(2_500);
  expect(heads.get('7')).toMatchObject({ seq: 2 });
  for (const id of ['7', '8', '2500']) expect(heads.get(id)).toEqual(await live.head(id));
  expect(live.heads([])).toEqual([]);
});
