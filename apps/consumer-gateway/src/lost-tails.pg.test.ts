import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { restOfEpoch } from '@motience/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { nobody, StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { openConsumer, seqs, upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually, type TestSocket } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let testDatabase: TestDatabase;
let database: Database;
let gateway: AppProcess;

beforeAll(async () => {
  [corner, testDatabase] = await Promise.all([StreamCorner.open(), createTestDatabase()]);
  database = openDatabase(testDatabase.url, { maxConnections: 1 });
  gateway = corner.run('consumer-gateway', { DATABASE_URL: testDatabase.url });
});
afterAll(async () => {
  await corner.close();
  await database.close();
  await testDatabase.drop();
});

/** Has PostgreSQL hold readings of an epoch, up to this seq. */
async function persist({ id }: TestAccount, epoch: string, last: number): Promise<void> {
  const body = corner.readingText(id, {});
  await database.sql`
    insert into readings (producer_id, epoch, seq, device_id, body, received_at)
    select ${id}, ${epoch}, seq, 'a', ${body}, now() from generate_series(1, ${last}::int) as seq`;
}

/** As if Redis were another one now, restored from when the stream stood where it stands. */
async function beginNewLife({ id }: TestAccount): Promise<void> {
  await corner.redis.hset(corner.streamKey(id), 'life', 'another');
}

/** A stream of which Redis has 10 readings in an epoch that is over, and one in the next. */
async function restoredStream(persisted: number) {
  const producer = await corner.account('producer', ['a']);
  const consumer = await corner.account('consumer', [producer.id]);
  for (let sent = 0; sent < 10; sent += 1) await corner.publish(producer.id, [{}]);
  const { epoch } = await corner.head(producer.id);
  await persist(producer, epoch, persisted);
  await beginNewLife(producer);
  await corner.publish(producer.id, [{}]);
  const next = (await corner.head(producer.id)).epoch;
  const resume = async (app: AppProcess, after: number) => {
    const socket = await openConsumer(app, consumer.token, 'mode=manual');
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch, after });
    return socket;
  };
  return { producer, epoch, next, resume };
}

const answers = (socket: TestSocket) =>
  socket.ofType('subscribed').map(({ epoch, seq, recovered }) => ({ epoch, seq, recovered }));

const gaps = (socket: TestSocket) =>
  socket.ofType('gap').map(({ epoch, from, to, reason }) => ({ epoch, from, to, reason }));
const gapOf = (epoch: string, from: number) => ({ epoch, from, to: restOfEpoch, reason: 'not-retained' });

describe('an epoch that ended with Redis', () => {
  it('is gone on from without a word when PostgreSQL knows of nothing more', async () => {
    const { epoch, next, resume } = await restoredStream(10);
    const socket = await resume(gateway, 4);
    await eventually(() => expect(seqs(socket)).toEqual([...upTo(10).slice(4), 1]));
    expect(answers(socket)).toEqual([
      { epoch, seq: 4, recovered: true },
      { epoch: next, seq: 0, recovered: true },
    ]);
  });

  it('has what Redis has forgotten from PostgreSQL, and it is told that more may be missing', async () => {
    const { epoch, next, resume } = await restoredStream(15);
    const socket = await resume(gateway, 4);
    await eventually(() => expect(seqs(socket)).toEqual([...upTo(15).slice(4), 1]));
    expect(answers(socket)).toEqual([
      { epoch, seq: 4, recovered: true },
      { epoch: next, seq: 0, recovered: false },
    ]);
  });

  it('has the same from PostgreSQL where the next one is no longer retained', async () => {
    const { producer, epoch, next, resume } = await restoredStream(15);
    await persist(producer, next, 1);
    await corner.redis.hset(corner.streamKey(producer.id), 'retained_from', 12);
    const socket = await resume(gateway, 10);
    await eventually(() => expect(seqs(socket)).toEqual([...upTo(15).slice(10), 1]));
    expect(answers(socket)).toEqual([
      { epoch, seq: 10, recovered: true },
      { epoch: next, seq: 0, recovered: false },
    ]);
  });

  it('may have gone on further if PostgreSQL cannot be asked, which is told', async () => {
    const { producer, epoch, next, resume } = await restoredStream(10);
    const socket = await resume(corner.run('consumer-gateway', { DATABASE_URL: nobody }), 4);
    await eventually(() => expect(seqs(socket)).toEqual([...upTo(10).slice(4), 1]));
    expect(answers(socket)).toEqual([
      { epoch, seq: 4, recovered: true },
      { epoch: next, seq: 0, recovered: false },
    ]);
    expect(socket.ofType('gap')).toEqual([
      { type: 'gap', producer_id: producer.id, epoch, from: 11, to: restOfEpoch, reason: 'not-retained' },
    ]);
  });

  it('ends the same for a socket that is open, from where it stood', async () => {
    const producer = await corner.account('producer', ['a']);
    const consumer = await corner.account('consumer', [producer.id]);
    const socket = await openConsumer(gateway, consumer.token);
    await corner.publish(producer.id, [{}, {}]);
    await eventually(() => expect(seqs(socket)).toEqual([1, 2]));
    const { epoch } = await corner.head(producer.id);
    await persist(producer, epoch, 5);
    await beginNewLife(producer);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual([1, 2, 3, 4, 5, 1]));
    expect(answers(socket)).toMatchObject([{ seq: 0, recovered: false }]);
  });
});

describe('a position of an epoch that Redis does not know', () => {
  it('is served from PostgreSQL as far as that goes, and told that the rest will not come', async () => {
    const producer = await corner.account('producer', ['a']);
    const consumer = await corner.account('consumer', [producer.id]);
    await persist(producer, '0lost', 8);
    await corner.publish(producer.id, [{}]);
    const { epoch } = await corner.head(producer.id);
    const socket = await openConsumer(gateway, consumer.token, 'mode=manual');
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch: '0lost', after: 5 });
    await eventually(() => expect(seqs(socket)).toEqual([6, 7, 8, 1]));
    expect(answers(socket)).toEqual([
      { epoch: '0lost', seq: 5, recovered: true },
      { epoch, seq: 0, recovered: false },
    ]);
    expect(socket.ofType('gap')).toEqual([
      { type: 'gap', producer_id: producer.id, epoch: '0lost', from: 9, to: restOfEpoch, reason: 'not-retained' },
    ]);
  });
});

describe('an epoch that only PostgreSQL knows', () => {
  it('is served after the one before, and it is told that more may be missing', async () => {
    const { producer, epoch, next, resume } = await restoredStream(10);
    const between = `${epoch}z`;
    await persist(producer, between, 3);
    const socket = await resume(gateway, 8);
    await eventually(() => expect(seqs(socket)).toEqual([9, 10, ...upTo(3), 1]));
    expect(answers(socket)).toEqual([
      { epoch, seq: 8, recovered: true },
      { epoch: between, seq: 0, recovered: false },
      { epoch: next, seq: 0, recovered: false },
    ]);
    expect(gaps(socket)).toEqual([gapOf(epoch, 11), gapOf(between, 4)]);
  });

  it('is served also to one who comes from an epoch that nobody knows', async () => {
    const { producer, epoch, next } = await restoredStream(10);
    await persist(producer, '1lost', 3);
    const consumer = await corner.account('consumer', [producer.id]);
    const socket = await openConsumer(gateway, consumer.token, 'mode=manual');
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch: '0lost', after: 5 });
    await eventually(() => expect(seqs(socket)).toEqual([...upTo(3), ...upTo(10), 1]));
    expect(answers(socket)).toEqual([
      { epoch: '1lost', seq: 0, recovered: false },
      { epoch, seq: 0, recovered: false },
      { epoch: next, seq: 0, recovered: true },
    ]);
    expect(gaps(socket)).toEqual([gapOf('0lost', 6), gapOf('1lost', 4)]);
  });
});

describe('an epoch that Redis has forgotten the end of, and that is come to from one that it does not know', () => {
  /** Redis has two readings of an epoch of which PostgreSQL has five, and one of the next. */
  async function goOnAfter(producer: TestAccount, retain: () => Promise<void>) {
    await corner.redis.unlink(corner.streamKey(producer.id));
    const { epoch } = await corner.head(producer.id);
    for (let sent = 0; sent < 2; sent += 1) await retain();
    await persist(producer, epoch, 5);
    await beginNewLife(producer);
    await corner.publish(producer.id, [{}]);
    const next = (await corner.head(producer.id)).epoch;
    return { epoch, next };
  }
  it('is served to its end, and it is told that more may be missing', async () => {
    const producer = await corner.account('producer', ['a']);
    const consumer = await corner.account('consumer', [producer.id]);
    const { epoch, next } = await goOnAfter(producer, () => corner.publish(producer.id, [{}]));
    const socket = await openConsumer(gateway, consumer.token, 'mode=manual');
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch: '0lost', after: 7 });
    await eventually(() => expect(seqs(socket)).toEqual([...upTo(5), 1]));
    expect(answers(socket)).toEqual([
      { epoch, seq: 0, recovered: false },
      { epoch: next, seq: 0, recovered: false },
    ]);
    expect(gaps(socket)).toEqual([gapOf('0lost', 8)]);
  });

  it('is the same for a socket that is open', async () => {
    const producer = await corner.account('producer', ['a']);
    const consumer = await corner.account('consumer', [producer.id]);
    const socket = await openConsumer(gateway, consumer.token);
    await corner.publish(producer.id, [{}, {}]);
    await eventually(() => expect(seqs(socket)).toEqual([1, 2]));
    const lost = await corner.head(producer.id);
    const { epoch, next } = await goOnAfter(producer, () => corner.retainUntold(producer.id, {}));
    await eventually(() => expect(seqs(socket)).toEqual([1, 2, ...upTo(5), 1]));
    expect(answers(socket)).toEqual([
      { epoch, seq: 0, recovered: false },
      { epoch: next, seq: 0, recovered: false },
    ]);
    expect(gaps(socket)).toEqual([gapOf(lost.epoch, 3)]);
  });
});

describe('streams that wait for PostgreSQL', () => {
  it('hold up neither another stream of their socket nor one of another', { timeout: 30_000 }, async () => {
    const app = corner.run('consumer-gateway', { DATABASE_URL: nobody });
    const waiting = await Promise.all(Array.from({ length: 15 }, () => corner.account('producer', ['a'])));
    const served = await corner.account('producer', ['a']);
    const consumer = await corner.account(
      'consumer',
      [...waiting, served].map(({ id }) => id),
    );
    const socket = await openConsumer(app, consumer.token, 'mode=manual');
    for (const producer of waiting) {
      await corner.publish(producer.id, [{}, {}]);
      await corner.redis.hset(corner.streamKey(producer.id), 'retained_from', 2);
      const { epoch } = await corner.head(producer.id);
      socket.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 0 });
    }
    await corner.publish(served.id, [{}]);
    const { epoch } = await corner.head(served.id);
    const other = await openConsumer(app, consumer.token, 'mode=manual');
    for (const one of [socket, other]) {
      one.send({ type: 'subscribe', producer_id: served.id, epoch, after: 0 });
      await eventually(() => expect(one.readings.map(({ producer_id }) => producer_id)).toEqual([served.id]), 15_000);
    }
  });
});
