import { setTimeout } from 'node:timers/promises';
import { openDatabase } from '@motience/database';
import { createLogger } from '@motience/service-kit';
import {
  defaultShardCount,
  LiveStreams,
  openRedis,
  type Position,
  type RedisConnection,
  RetainedStreams,
  Subscriber,
} from '@motience/stream-log';
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { nobody, StreamCorner } from '../../../tests/support/stream-corner.ts';
import { upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually } from '../../../tests/support/test-socket.ts';
import { CatchUp } from './catch-up.ts';
import { EntitledPast } from './entitled-past.ts';
import { HeldPastReadings } from './held-gateway.fixture.ts';
import { History } from './history.ts';
import type { LiveStream } from './live-stream.ts';
import { NarrowedView } from './narrowed-view.ts';
import { everything, type Narrowing } from './narrowing.ts';
import { PartRoom } from './part-room.ts';
import { AheadRoom } from './past-ahead.ts';
import type { PastPart } from './past-readings.ts';
import { StreamTable } from './stream-table.ts';

let corner: StreamCorner;
let redis: RedisConnection;
let subscriber: Subscriber;

let lastId = 100;
const nextId = () => {
  lastId += 1;
  return String(lastId);
};

beforeAll(async () => {
  corner = await StreamCorner.open();
  redis = openRedis(corner.environment.REDIS_URL ?? '', { onError: () => {} });
  subscriber = new Subscriber(redis, { onError: () => {} });
});
afterAll(async () => {
  subscriber.close();
  redis.disconnect();
  await corner.close();
});

/** A past that tells from which seq it was read, and when. */
class WatchedPast extends HeldPastReadings {
  readonly reads: string[] = [];
  readonly readAt: number[] = [];
  /** Bytes after which each part ends. */
  partBytes: number | undefined;
  /** How long each takes to be read, in ms. */
  slowMs = 0;

  override async readAfter(producerId: string, position: Position, maxBytes: number): Promise<PastPart> {
    this.reads.push(`${producerId} after ${position.seq}`);
    this.readAt.push(performance.now());
    await setTimeout(this.slowMs);
    return super.readAfter(producerId, position, this.partBytes ?? maxBytes);
  }
}

/** Streams that nobody looks after but who catches up with them, and their past. */
function openStreams(room = new PartRoom()) {
  const { keys } = corner;
  const database = openDatabase(nobody, { maxConnections: 1 });
  onTestFinished(() => database.close());
  const past = new WatchedPast(
    new RetainedStreams(redis, keys, defaultShardCount),
    new History(database.sql),
    defaultShardCount,
    room,
  );
  const context = { publish: () => {}, isPaused: () => false, heldBytes: { total: 0 } };
  const streams = new StreamTable(
    new LiveStreams(redis, subscriber, keys, defaultShardCount),
    past,
    {
      beforeNext: () => {},
      next: () => {},
      interrupted: () => {},
      createView: (producerId, narrowing) => new NarrowedView(producerId, narrowing, context),
    },
    createLogger('test', 'silent'),
  );
  return { past, streams };
}

interface Begin {
  narrowing?: Narrowing;
  /** Whether it reads no further after the first one until this. */
  readsOn?: Promise<void>;
  /** When billing says that the time is paid for. */
  covered?: Promise<void>;
  /** When it is its turn again after the first. */
  nextTurn?: Promise<void>;
}

/** One who catches up with a stream from its beginning; `turns` counts those that are over. */
function begin({ past, streams }: ReturnType<typeof openStreams>, stream: LiveStream, options: Begin = {}) {
  const { narrowing = everything, readsOn = Promise.resolve(), covered = Promise.resolve(), nextTurn } = options;
  const { producerId } = stream;
  const seen = { sent: [] as number[], positions: [] as number[], turns: 0, isOver: false };
  const inTurn = pLimit(1);
  let isReading = false;
  void readsOn.then(() => {
    isReading = true;
  });
  let isWanted = true;
  onTestFinished(() => {
    isWanted = false;
    past.gate.open(producerId);
  });
  const catchUp = new CatchUp({
    stream,
    streams,
    past: new EntitledPast(past, producerId, {
      sinceMs: 0,
      findTimes: async () => [],
      coveredFrom: () => covered.then(() => Number.NEGATIVE_INFINITY),
      findPaidTimes: async () => [],
    }),
    aheadRoom: new AheadRoom(),
    position: { epoch: stream.position?.epoch ?? '', seq: 0 },
    narrowing,
    sink: {
      cork: (send) => send(),
      reading: (_, { seq }) => seen.sent.push(seq),
      control: () => {},
      position: ({ seq }) => seen.positions.push(seq),
      get isFull() {
        return !isReading && seen.sent.length > 0;
      },
      whenDrained: () => readsOn,
    },
    inTurn: async (work) => {
      if (seen.turns > 0) await nextTurn;
      return inTurn(work).finally(() => (seen.turns += 1));
    },
    onError: () => {},
    isWanted: () => isWanted,
    answer: () => {},
    reached: () => 'over',
  });
  void catchUp.run().then(() => {
    seen.isOver = true;
  });
  return seen;
}

describe('one who catches up', () => {
  it('and is ahead of the stream sends what is held when it may go out, and has the stream read what it was not told', async () => {
    const opened = openStreams();
    const stream = await opened.streams.hold('7');
    for (let untold = 0; untold < 2; untold += 1) await corner.retainUntold('7', {});
    const seen = begin(opened, stream, { narrowing: { ...everything, maxRate: 10 } });
    await eventually(() => expect(seen).toMatchObject({ sent: [1, 2], isOver: true }));
    expect(stream.position?.seq).toBe(2);
  });

  it('sends a part that took long to read, and reads it no second time', async () => {
    const opened = openStreams();
    for (let told = 0; told < 3; told += 1) await corner.publish('8', [{}]);
    opened.past.gate.close('8');
    const seen = begin(opened, await opened.streams.hold('8'));
    await eventually(() => expect(seen.turns).toBe(1));
    opened.past.gate.open('8');
    await eventually(() => expect(seen).toMatchObject({ sent: upTo(3), isOver: true }));
    // Once more behind it, because something may have come since.
    expect(opened.past.reads).toEqual(['8 after 0', '8 after 3']);
  });

  it('is told where it stands while all that is read is left out', async () => {
    const opened = openStreams();
    opened.past.partBytes = 1;
    opened.past.slowMs = 150;
    for (let told = 0; told < 100; told += 1) await corner.publish('10', [{}]);
    const seen = begin(opened, await opened.streams.hold('10'), { narrowing: { ...everything, deviceId: 'another' } });
    await eventually(() => expect(seen.positions).not.toEqual([]));
    expect(seen).toMatchObject({ sent: [], isOver: false });
  });

  it('is told where it stands while it waits for its turn', async () => {
    const opened = openStreams();
    opened.past.partBytes = 1;
    for (let told = 0; told < 3; told += 1) await corner.publish('9', [{}]);
    let comes = () => {};
    const nextTurn = new Promise<void>((resolve) => {
      comes = resolve;
    });
    const seen = begin(opened, await opened.streams.hold('9'), { nextTurn });
    await eventually(() => expect(seen).toMatchObject({ sent: [1], positions: [1] }));
    comes();
    await eventually(() => expect(seen).toMatchObject({ sent: upTo(3), positions: [1], isOver: true }));
  });
});

describe('when there is room for one part', () => {
  /** One who is slow, or is kept waiting, and one who is not. */
  async function two(options: Begin) {
    const opened = openStreams(new PartRoom(1));
    const [slow, quick] = [await opened.streams.hold(nextId()), await opened.streams.hold(nextId())];
    for (const { producerId } of [slow, quick]) await corner.publish(producerId, [{}, {}, {}]);
    const beginBoth = async (isSlow: () => void) => {
      const first = begin(opened, slow, options);
      await eventually(isSlow);
      return { first, second: begin(opened, quick) };
    };
    return { ...opened, slow, quick, beginBoth };
  }
  /** A promise that the test resolves. */
  function signal() {
    let give = () => {};
    const given = new Promise<void>((resolve) => {
      give = resolve;
    });
    return { given, give };
  }
  const whole = { sent: upTo(3), isOver: true };

  it('no other one is read before the turn of the one that is being read is over', async () => {
    const { past, slow, quick, beginBoth } = await two({});
    past.gate.close(slow.producerId);
    const { first, second } = await beginBoth(() => expect(past.gate.held(slow.producerId)).toBe(1));
    await eventually(() => expect(second).toMatchObject(whole));
    const [firstAt = 0, secondAt = 0] = past.readAt;
    expect(past.reads.slice(0, 2)).toEqual([slow, quick].map(({ producerId }) => `${producerId} after 0`));
    expect(secondAt - firstAt).toBeGreaterThan(400);
    past.gate.open(slow.producerId);
    await eventually(() => expect(first).toMatchObject(whole));
  });

  it.each([
    ['does not read', 'readsOn', [1]],
    ['waits for what billing says', 'covered', []],
  ])('one who %s keeps it from nobody, and gets all in the end', async (_, what, sentFirst) => {
    const { given, give } = signal();
    const { past, slow, beginBoth } = await two({ [what]: given });
    const { first, second } = await beginBoth(() => expect(past.reads).toContain(`${slow.producerId} after 0`));
    await eventually(() => expect(second).toMatchObject(whole));
    expect(first.sent).toEqual(sentFirst);
    give();
    await eventually(() => expect(first).toMatchObject(whole));
  });
});
