import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { migrateDatabase } from '../packages/database/dist/index.js';
import { type PrivateEngine, startPrivatePostgres, startPrivateRedis } from '../packages/engines/dist/testing.js';
import { type Account, signUp, subscribe } from './accounts.ts';
import { type ServiceName, ServicesUnderTest } from './services-under-test.ts';
import { SocketClient, until } from './socket-client.ts';
import { freezePostgres, freezeRedis } from './support/frozen-engine.ts';
import { StreamingDevice } from './support/streaming-device.ts';
import { eventually } from './support/test-socket.ts';

const readingSchema = z.object({ value: z.int() });

const names: ServiceName[] = [
  'auth-api',
  'subscription-manager',
  'data-stream-manager',
  'producer-gateway',
  'consumer-gateway',
];

/** Those that cannot do without PostgreSQL. */
const keepers = ['auth-api', 'subscription-manager', 'data-stream-manager'] as const;

let redis: PrivateEngine;
let database: PrivateEngine;
let services: ServicesUnderTest;
let sql: postgres.Sql;
let memoryBefore: number[];
beforeAll(async () => {
  [redis, database] = await Promise.all([startPrivateRedis(), startPrivatePostgres({ durable: true })]);
  await migrateDatabase(database.url);
  services = await ServicesUnderTest.start({
    REDIS_URL: redis.url,
    DATABASE_URL: database.url,
    SHARDS: '1',
    MAX_BACKLOG_BYTES: String(1024 * 1024),
    LOG_LEVEL: 'silent',
  });
  sql = postgres(database.url, { max: 1 });
  memoryBefore = await memory();
});
afterAll(async () => {
  await sql.end();
  await services.stop();
  await Promise.all([redis.close(), database.close()]);
});

let producer: Account;
let device: StreamingDevice;
let consumer: SocketClient;
let giveBack: () => unknown = () => {};
beforeEach(async () => {
  producer = await signUp(services, 'producer', ['d']);
  const subscriber = await signUp(services, 'consumer');
  await subscribe(services, subscriber, producer);
  consumer = await SocketClient.open(services.socketUrl('consumer'), subscriber.token);
  await until(() => consumer.frames('welcome').length === 1);
});
afterEach(async () => {
  await giveBack();
  giveBack = () => {};
  consumer.close();
  await device.abort();
});

describe('Redis', () => {
  it('frozen: sockets stay, every service says so, and streaming goes on by itself', async () => {
    await stream({ paddingBytes: 50 });
    giveBack = await freezeRedis(redis.url);
    await everyServiceMisses('redis');
    giveBack();
    await everyServiceIsReady();
    await moreAcknowledged(50);
    expect(device.errors).toEqual([]);
    expect(device.closes).toEqual([]);
    await everythingArrives();
  });

  it('killed and away: sockets stay, every service says so, and streaming goes on by itself', async () => {
    await stream({ paddingBytes: 50 });
    await redis.kill();
    giveBack = once(() => redis.restart());
    await everyServiceMisses('redis');
    await giveBack();
    await everyServiceIsReady();
    await moreAcknowledged(50);
    expect(device.errors).toEqual([]);
    expect(device.closes).toEqual([]);
    await everythingArrives();
  });
});

describe('PostgreSQL', () => {
  it.each([
    [
      'killed',
      async () => {
        await database.kill();
        giveBack = once(() => database.restart());
      },
    ],
    [
      'frozen',
      async () => {
        giveBack = await freezePostgres(database.url);
      },
    ],
  ])(
    '%s: readings go on live until the backlog is full, are refused then, and are all persisted once it is back',
    async (_how, take) => {
      await stream({ paddingBytes: 2_000 });
      await take();
      const before = received().length;
      await until(() => received().length > before + 50, 30_000);
      await Promise.all(keepers.map((name) => until(() => misses(name, 'postgres'))));
      expect(await services.readiness('producer-gateway')).toEqual({ status: 200, missing: [] });
      await until(() => device.closes.length > 0, 30_000);
      expect(new Set(device.closes)).toEqual(new Set([4002]));
      for (const { kind, detail } of device.errors) expect(`${kind}: ${detail}`).toMatch(/^unavailable: .*catching up/);
      await giveBack();
      await everyServiceIsReady();
      await moreAcknowledged(50);
      await everythingArrives();
    },
    90_000,
  );
});

/** Has the device stream until its consumer has got some of it. */
async function stream({ paddingBytes }: { paddingBytes: number }): Promise<void> {
  device = new StreamingDevice(services.socketUrl('producer'), producer.token, 'd', { paddingBytes, pauseMs: 4 });
  await until(() => received().length > 50);
}

/** So that what a test gives back is not given back once more after it. */
function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= act());
}

function received(): number[] {
  return consumer.readings().map(({ data }) => readingSchema.parse(data).value);
}

async function everyServiceMisses(part: string): Promise<void> {
  await Promise.all(names.map((name) => until(() => misses(name, part))));
}

async function misses(name: ServiceName, part: string): Promise<boolean> {
  const { status, missing } = await services.readiness(name);
  return status === 503 && missing.includes(part);
}

async function everyServiceIsReady(): Promise<void> {
  const isReady = async (name: ServiceName) => (await services.readiness(name)).status === 200;
  await Promise.all(names.map((name) => until(() => isReady(name), 30_000)));
}

async function moreAcknowledged(count: number): Promise<void> {
  const before = device.acknowledged;
  await until(() => device.acknowledged > before + count, 30_000);
}

/** Ends the stream, and checks that its consumer and PostgreSQL have each reading once and in order. */
async function everythingArrives(): Promise<void> {
  await device.finish();
  const everyOne = Array.from({ length: device.sent }, (_, at) => at + 1);
  await eventually(() => expect(received()).toEqual(everyOne), 30_000);
  expect(consumer.frames('gap')).toEqual([]);
  expect(consumer.closed).toBeUndefined();
  const stored = () => sql<{ value: string }[]>`
    select (body || '}')::json -> 'data' ->> 'value' as value
    from readings where producer_id = ${producer.id} order by received_at, epoch, seq`;
  await eventually(async () => expect((await stored()).map(({ value }) => Number(value))).toEqual(everyOne), 30_000);
  expect(services.gone()).toEqual([]);
  for (const [at, megabytes] of (await memory()).entries())
    expect(megabytes).toBeLessThan(Number(memoryBefore[at]) + 150);
}

function memory(): Promise<number[]> {
  return Promise.all(names.map((name) => services.residentMegabytes(name)));
}
