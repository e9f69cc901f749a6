import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { createLogger } from '@motience/service-kit';
import {
  defaultShardCount,
  LiveStreams,
  lastSeq,
  openRedis,
  type Position,
  type RedisConnection,
  RetainedStreams,
  type StreamPart,
  Subscriber,
  shardOf,
} from '@motience/stream-log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nobody, StreamCorner } from '../../../tests/support/stream-corner.ts';
import { eventually } from '../../../tests/support/test-socket.ts';
import { History } from './history.ts';
import { NarrowedView } from './narrowed-view.ts';
import { PastReadings } from './past-readings.ts';
import { StreamTable } from './stream-table.ts';

let corner: StreamCorner;
let testDatabase: TestDatabase;
let redis: RedisConnection;
let subscriber: Subscriber;
const databases: Database[] = [];

beforeEach(async () => {
  [corner, testDatabase] = await Promise.all([StreamCorner.open(), createTestDatabase()]);
  redis = openRedis(corner.environment.REDIS_URL ?? '', { onError: () => {} });
  subscriber = new Subscriber(redis, { onError: () => {} });
});
afterEach(async () => {
  subscriber.close();
  redis.disconnect();
  await Promise.all(databases.splice(0).map(({ sql }) => sql.end({ timeout: 0 })));
  await testDatabase.drop();
  await corner.close();
});

/** Heads that are held back until they are let go. */
class HeldHeads extends LiveStreams {
  letGo: (() => void) | undefined;
  hold = false;

  override async head(producerId: string): Promise<Position> {
    const head = await super.head(producerId);
    if (this.hold) {
      await new Promise<void>((resolve) => {
        this.letGo = resolve;
      });
    }
    return head;
  }
}

/** What fails some times before it is read. */
class FailingStreams extends RetainedStreams {
  failures = 0;

  override async readAfter(producerId: string, position: Position, maxBytes: number): Promise<StreamPart> {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('BUSY');
    }
    return super.readAfter(producerId, position, maxBytes);
  }
}

function openTable(databaseUrl = testDatabase.url) {
  const live = new HeldHeads(redis, subscriber, corner.keys, defaultShardCount);
  const retained = new FailingStreams(redis, corner.keys, defaultShardCount);
  const database = openDatabase(databaseUrl, { maxConnections: 1 });
  databases.push(database);
  const past = new PastReadings(retained, new History(database.sql), defaultShardCount);
  const told: string[] = [];
  const table = new StreamTable(
    live,
    past,
    {
      beforeNext: () => {},
      next: (_stream, event) => {
        if (event.type === 'batch') told.push(`${event.after + 1}–${lastSeq(event.batch)}`);
        else if (event.type === 'gap') told.push(`gap ${event.range.from}–${event.range.to}`);
      },
      interrupted: ({ position }) => told.push(`interrupted at ${position?.seq}`),
      createView: (producerId, narrowing) =>
        new NarrowedView(producerId, narrowing, {
          publish: () => {},
          isPaused: () => false,
          heldBytes: { total: 0 },
        }),
    },
    createLogger('test', 'silent'),
  );
  return { table, live, retained, told };
}

/** Takes readings away, from Redis too. */
async function loseRetained(producerId: string, seqs: readonly number[], retainedFrom: number): Promise<void> {
  const shard = shardOf(producerId, defaultShardCount);
  await corner.redis.xdel(corner.keys.retained(shard, producerId), ...seqs.map((seq) => `${seq}-0`));
  await corner.redis.hset(corner.keys.stream(shard, producerId), 'retained_from', retainedFrom);
}

describe('a stream', () => {
  it('forgets what it handed out before a gap, over which nobody may join', async () => {
    const { table, told } = openTable();
    const stream = await table.hold('7');
    table.beginJoining(stream);
    await corner.publish('7', [{}]);
    await eventually(() => expect(told).toEqual(['1–1']));
    await corner.retainUntold('7', {});
    await loseRetained('7', [1, 2], 3);
    await corner.publish('7', [{}]);
    await eventually(() => expect(told).toEqual(['1–1', 'gap 2–2', '3–3']));
    expect(stream.recent?.all.map(({ firstSeq }) => firstSeq)).toEqual([3]);
  });

  it('is given to a newcomer where its head was then, though nobody has told of that yet', async () => {
    const { table, told } = openTable();
    await table.hold('7');
    await corner.publish('7', [{}]);
    await eventually(() => expect(told).toEqual(['1–1']));
    for (let untold = 0; untold < 3; untold += 1) await corner.retainUntold('7', {});
    const stream = await table.hold('7');
    expect(stream.position?.seq).toBe(4);
    expect(told).toEqual(['1–1', '2–2', '3–3', '4–4']);
  });

  it('keeps nobody waiting who has given it up, when nobody follows it any more', async () => {
    const { table, told } = openTable();
    const stream = await table.hold('7');
    await corner.publish('7', [{}]);
    await eventually(() => expect(told).toEqual(['1–1']));
    await corner.retainUntold('7', {});
    const newcomer = table.hold('7');
    await eventually(() => expect(stream.waiting.size).toBe(1));
    table.release('7');
    table.release('7');
    expect(await newcomer).toBe(stream);
    expect(stream.waiting.size).toBe(0);
    expect(told).toEqual(['1–1']);
  });

  it('reads what is missing again for a while when that fails', async () => {
    const { table, retained, told } = openTable();
    await table.hold('7');
    retained.failures = 2;
    await corner.retainUntold('7', {});
    await corner.publish('7', [{}]);
    await eventually(() => expect(told).toEqual(['1–1', '2–2']));
  });

  it('that goes on at its head refuses also those who came to it meanwhile', { timeout: 30_000 }, async () => {
    const { table, live, told } = openTable(nobody);
    await table.hold('7');
    await corner.publish('7', [{}]);
    await eventually(() => expect(told).toEqual(['1–1']));
    live.hold = true;
    await corner.retainUntold('7', {});
    await loseRetained('7', [1, 2], 3);
    await corner.publish('7', [{}]);
    await eventually(() => expect(live.letGo).toBeDefined(), 20_000);
    expect(told).toEqual(['1–1', 'interrupted at 1']);
    live.hold = false;
    live.letGo?.();
    await corner.publish('7', [{}]);
    await eventually(() => expect(told).toEqual(['1–1', 'interrupted at 1', 'interrupted at 1', '4–4']));
  });
});
