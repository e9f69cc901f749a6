import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../packages/engines/dist/testing.js';
import { defaultShardCount, LiveStreams, Subscriber, shardOf } from '../packages/stream-log/dist/index.js';
import { until } from './socket-client.ts';
import type { AppProcess } from './support/app-process.ts';
import { readingsIn } from './support/readings-in.ts';
import { StreamCorner } from './support/stream-corner.ts';

/** A shard has a new manager at work within this time after its manager died, stopped or froze. */
const takeOverMs = 5_000;

/** A producer of each shard. */
const producers = Array.from({ length: defaultShardCount }, (_, at) => String(at));

let corner: StreamCorner;
let database: TestDatabase;
let managers: AppProcess[];
beforeEach(async () => {
  [corner, database] = await Promise.all([StreamCorner.open(), createTestDatabase()]);
  managers = [1, 2].map(() => corner.run('data-stream-manager', { DATABASE_URL: database.url }));
  await until(async () => (await shardCounts()).every((count) => count > 0 && count < defaultShardCount));
});
afterEach(async () => {
  for (const manager of managers) manager.signal('SIGCONT');
  await corner.close();
  await database.drop();
});

/** How many shards each manager says it has. */
async function shardCounts(): Promise<number[]> {
  return Promise.all(
    managers.map(async (manager) => {
      const response = await fetch(`http://127.0.0.1:${await manager.listening}/ready`);
      const { parts } = JSON.parse(await response.text());
      return Number.parseInt(parts.shards.note, 10);
    }),
  );
}

const headOf = async (producerId: string) =>
  Number(await corner.redis.hget(corner.keys.stream(shardOf(producerId, defaultShardCount), producerId), 'head'));

/** Stores a reading in every shard; how long it took until all were numbered, in ms. */
async function timeToNumberAll(): Promise<number> {
  const since = performance.now();
  const before = await Promise.all(producers.map(headOf));
  await Promise.all(producers.map((id) => corner.store(id, [0])));
  await until(async () => (await Promise.all(producers.map(headOf))).every((head, at) => head > (before[at] ?? 0)));
  return performance.now() - since;
}

it('two managers share the shards, and together have them all', async () => {
  expect((await shardCounts()).reduce((sum, count) => sum + count)).toBe(defaultShardCount);
});

it.each(['SIGKILL', 'SIGSTOP', 'SIGTERM'] as const)(
  'the shards of a manager that gets %s have another one within 5 s',
  async (signal) => {
    const [first, second] = managers;
    if (signal === 'SIGSTOP') first?.signal(signal);
    else await first?.end(signal);
    expect(await timeToNumberAll()).toBeLessThan(takeOverMs);
    managers = second ? [second] : [];
    await until(async () => (await shardCounts())[0] === defaultShardCount);
  },
);

it('a manager that is frozen again and again in the middle of its work numbers and publishes nothing twice or out of order', async () => {
  const published = new Map<string, { seq: number; value: number }[]>(producers.map((id) => [id, []]));
  const subscriber = new Subscriber(corner.redis, { onError: () => {} });
  const live = new LiveStreams(corner.redis, subscriber, corner.keys, defaultShardCount);
  live.listen(
    ({ producerId, firstSeq, batch }) => {
      for (const [index, { body }] of readingsIn(batch).entries()) {
        published.get(producerId)?.push({ seq: firstSeq + index, value: JSON.parse(`${body}}`).data });
      }
    },
    () => {},
  );
  await Promise.all(producers.map((id) => live.follow(id)));
  let sent = 0;
  const send = async () => {
    sent += 1;
    await Promise.all(producers.map((id) => corner.store(id, [sent])));
  };

  for (const manager of [...managers, ...managers]) {
    for (let count = 0; count < 20; count += 1) await send();
    manager.signal('SIGSTOP');
    const atStop = sent;
    await send();
    // By now the other one has them all; the frozen one comes back into the middle of that.
    await until(async () => (await Promise.all(producers.map(headOf))).every((head) => head > atStop));
    const more = Array.from({ length: 20 }, () => send());
    manager.signal('SIGCONT');
    await Promise.all(more);
  }
  await until(() => producers.every((id) => (published.get(id)?.length ?? 0) >= sent));
  const expected = Array.from({ length: sent }, (_, at) => at + 1);
  for (const id of producers) {
    expect(published.get(id)?.map(({ seq }) => seq)).toEqual(expected);
    expect(published.get(id)?.map(({ value }) => value)).toEqual(expected);
    expect(await headOf(id)).toBe(sent);
  }
  subscriber.close();
});
