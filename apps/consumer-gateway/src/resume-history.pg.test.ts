import { type Database, migrateDatabase, openDatabase } from '@motience/database';
import { createTestDatabase, startPrivatePostgres, type TestDatabase } from '@motience/engines/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { openConsumer, seqs, upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually } from '../../../tests/support/test-socket.ts';
import { HeldGateway } from './held-gateway.fixture.ts';

let corner: StreamCorner;
let testDatabase: TestDatabase;
let database: Database;
let gateway: AppProcess;

beforeEach(async () => {
  [corner, testDatabase] = await Promise.all([StreamCorner.open(), createTestDatabase()]);
  database = openDatabase(testDatabase.url, { maxConnections: 1 });
  gateway = corner.run('consumer-gateway', { DATABASE_URL: testDatabase.url });
});
afterEach(async () => {
  await corner.close();
  await database.close();
  await testDatabase.drop();
});

const runManager = (url: string) => corner.run('data-stream-manager', { DATABASE_URL: url, RETAINED_READINGS: '5' });

/** Has a stream manager number and persist this many readings, of which Redis retains the last five. */
async function persist(producer: TestAccount, count: number): Promise<void> {
  const manager = runManager(testDatabase.url);
  await manager.listening;
  for (let sent = 1; sent <= count; sent += 1)
    await corner.store(producer.id, [{ sent, text: '"é🛰' }], sent % 2 ? 'a' : 'b');
  const rows = () => database.sql`select from readings where producer_id = ${producer.id}`;
  await eventually(async () => expect(await rows()).toHaveLength(count));
  await eventually(async () => expect((await corner.streamState(producer.id)).retained_from).toBe(String(count - 4)));
  await manager.end('SIGTERM');
}

describe('a position that Redis no longer retains', () => {
  it('is served from PostgreSQL and then from Redis, byte for byte as it was live', async () => {
    const producer = await corner.account('producer', ['a', 'b']);
    const consumer = await corner.account('consumer', [producer.id]);
    const live = await openConsumer(gateway, consumer.token);
    await persist(producer, 30);
    await eventually(() => expect(live.readings).toHaveLength(30));
    const { epoch } = await corner.head(producer.id);
    const socket = await openConsumer(gateway, consumer.token, 'mode=manual');
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 3 });
    await eventually(() => expect(socket.readings).toHaveLength(27));
    expect(socket.texts.slice(2)).toEqual(live.texts.slice(4));
    expect(socket.ofType('subscribed')).toMatchObject([{ seq: 3, recovered: true }]);
  });

  it('is told in gaps where PostgreSQL does not have it either', async () => {
    const producer = await corner.account('producer', ['a', 'b']);
    const consumer = await corner.account('consumer', [producer.id]);
    await persist(producer, 30);
    await database.sql`delete from readings where producer_id = ${producer.id} and (seq < 5 or seq in (10, 11) or seq > 22)`;
    const { epoch } = await corner.head(producer.id);
    const socket = await openConsumer(gateway, consumer.token, 'mode=manual');
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 1 });
    await eventually(() => expect(seqs(socket).at(-1)).toBe(30));
    const gone = [2, 3, 4, 10, 11, 23, 24, 25];
    expect(seqs(socket)).toEqual(upTo(30).filter((seq) => seq > 1 && !gone.includes(seq)));
    expect(socket.ofType('gap').map(({ from, to, reason }) => [from, to, reason])).toEqual([
      [2, 4, 'not-retained'],
      [10, 11, 'not-retained'],
      [23, 25, 'not-retained'],
    ]);
    expect(socket.ofType('subscribed')).toMatchObject([{ seq: 1, recovered: false }]);
  });
});

describe('a past that cannot be read because PostgreSQL is away', () => {
  it('goes on by itself once it is back, without a hole or a repeat; the position is told meanwhile', {
    timeout: 60_000,
  }, async () => {
    // What was persisted has to be there again after it was killed.
    const postgres = await startPrivatePostgres({ durable: true });
    onTestFinished(() => postgres.close());
    await migrateDatabase(postgres.url);
    const producer = await corner.account('producer', ['a']);
    const consumer = await corner.account('consumer', [producer.id]);
    const manager = runManager(postgres.url);
    await manager.listening;
    const batch = Array.from({ length: 500 }, () => ({}));
    for (let sent = 0; sent < 12; sent += 1) await corner.store(producer.id, batch);
    await eventually(async () => expect((await corner.streamState(producer.id)).retained_from).toBe('5501'));
    await manager.end('SIGTERM');
    const held = await HeldGateway.start(corner, { DATABASE_URL: postgres.url });
    onTestFinished(() => held.stop());
    const { epoch } = await corner.head(producer.id);
    const socket = await openConsumer(held, consumer.token, 'mode=manual');
    held.pasts.close(producer.id);
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 0 });
    await eventually(() => expect(held.pasts.held(producer.id)).toBe(1));
    // At once: an answer that comes too late is asked for again.
    await postgres.kill();
    held.pasts.open(producer.id);
    const told = { type: 'position', producer_id: producer.id, epoch, seq: 5_000 };
    await eventually(() => expect(socket.ofType('position')).toEqual([told]), 20_000);
    expect(held.logged('the past of a stream cannot be read now').length).toBeGreaterThan(1);
    expect(socket.readings).toHaveLength(5_000);
    await postgres.restart();
    await eventually(() => expect(socket.readings).toHaveLength(6_000), 20_000);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(seqs(socket)).toEqual(upTo(6_001)));
    expect(socket.ofType('subscribed')).toMatchObject([{ epoch, seq: 0, recovered: true }]);
    expect(socket.ofType('gap')).toEqual([]);
  });
});

describe('the time without an active subscription', () => {
  it('is told as a gap, whatever was subscribed before and after', async () => {
    const producer = await corner.account('producer', ['a']);
    const consumer = await corner.account('consumer');
    const { sql } = database;
    await sql`insert into users (id, username, password_hash, role) overriding system value values
      (${producer.id}, 'p', '', 'producer'), (${consumer.id}, 'c', '', 'consumer')`;
    const publish = async () => {
      await corner.publish(producer.id, [{}, {}]);
      // So that what follows has another time, to the millisecond.
      const [{ now } = { now: 0 }] = await sql<{ now: number }[]>`
        select ceil(extract(epoch from clock_timestamp()) * 1000)::float8 as now`;
      await eventually(() => expect(Date.now()).toBeGreaterThan(now));
    };
    const between = () => new Date().toISOString();
    await publish();
    const first = between();
    await publish();
    const ended = between();
    await publish();
    const again = between();
    await publish();
    await sql`insert into subscriptions (consumer_id, producer_id, status, created_at, ended_at) values
      (${consumer.id}, ${producer.id}, 'cancelled', ${first}, ${ended}),
      (${consumer.id}, ${producer.id}, 'active', ${again}, null)`;
    const since = Date.parse(again);
    await corner.rights.grant({ kind: 'subscription', accountId: consumer.id, item: producer.id, since });
    const { epoch } = await corner.head(producer.id);
    const socket = await openConsumer(gateway, consumer.token, 'mode=manual');
    socket.send({ type: 'subscribe', producer_id: producer.id, epoch, after: 0 });
    await eventually(() => expect(seqs(socket)).toEqual([3, 4, 7, 8]));
    expect(socket.ofType('gap').map(({ from, to, reason }) => [from, to, reason])).toEqual([
      [1, 2, 'not-entitled'],
      [5, 6, 'not-entitled'],
    ]);
  });
});
