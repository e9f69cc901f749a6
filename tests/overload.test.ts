import { Redis } from 'ioredis';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type PrivateEngine, startPrivateRedis } from '../packages/engines/dist/testing.js';
import { createKeys, maxFlushBytes } from '../packages/stream-log/dist/index.js';
import { type Account, signUp } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { until } from './socket-client.ts';
import { StreamingDevice } from './support/streaming-device.ts';

const mebibyte = 1024 * 1024;
const maxBacklogBytes = mebibyte;
const deviceCount = 8;

let redis: PrivateEngine;
let services: ServicesUnderTest;
let sql: postgres.Sql;
let observer: Redis;
let devices: { account: Account; device: StreamingDevice }[] = [];
beforeAll(async () => {
  redis = await startPrivateRedis();
  services = await ServicesUnderTest.start({
    REDIS_URL: redis.url,
    SHARDS: '1',
    MAX_BACKLOG_BYTES: String(maxBacklogBytes),
    RETAINED_TOTAL_BYTES: String(4 * mebibyte),
  });
  sql = postgres(services.databaseUrl, { max: 1 });
  observer = new Redis(redis.url);
});
afterEach(async () => {
  services.signal('data-stream-manager', 'SIGCONT');
  await Promise.all(devices.map(({ device }) => device.abort()));
});
afterAll(async () => {
  observer.disconnect();
  await sql.end();
  await services.stop();
  await redis.close();
});

describe('more readings than the stream manager applies', () => {
  it('stay with the devices while it is frozen or gone, in bounded memory, and are stored once it is back', async () => {
    await startDevices();
    await until(() => devices.every(({ device }) => device.acknowledged > 20));
    services.signal('data-stream-manager', 'SIGSTOP');
    await until(() => devices.every(({ device }) => device.closes.length > 0), 30_000);
    const closes = devices.flatMap(({ device }) => device.closes);
    expect(new Set(closes)).toEqual(new Set([4002]));
    expect(new Set(devices.flatMap(({ device }) => device.errors.map(({ kind }) => kind)))).toEqual(
      new Set(['unavailable']),
    );

    const full = await memory();
    expect(full.backlogBytes).toBeGreaterThan(maxBacklogBytes);
    expect(full.backlogBytes).toBeLessThan(maxBacklogBytes + 2 * maxFlushBytes);
    const acknowledged = sum(({ acknowledged }) => acknowledged);
    await services.end('data-stream-manager', 'SIGKILL');
    const refusals = sum(({ closes }) => closes.length);
    await until(() => sum(({ closes }) => closes.length) > refusals + deviceCount / 2, 30_000);
    const later = await memory();
    expect(sum(({ acknowledged }) => acknowledged)).toBe(acknowledged);
    expect(later.redisBytes).toBeLessThan(full.redisBytes + mebibyte);
    expect(later.gatewayMegabytes).toBeLessThan(full.gatewayMegabytes + 60);

    await services.launch('data-stream-manager');
    await until(() => sum(({ acknowledged }) => acknowledged) > acknowledged, 30_000);
    await Promise.all(devices.map(({ device }) => device.finish()));
    for (const { account, device } of devices) {
      const everyOne = Array.from({ length: device.sent }, (_, at) => at + 1);
      await until(async () => (await storedValues(account)).length >= device.sent, 30_000);
      expect(await storedValues(account)).toEqual(everyOne);
    }
    expect(services.gone()).toEqual([]);
  }, 120_000);
});

async function startDevices(): Promise<void> {
  const url = services.socketUrl('producer');
  const accounts = await Promise.all(Array.from({ length: deviceCount }, () => signUp(services, 'producer', ['d'])));
  devices = accounts.map((account) => ({
    account,
    device: new StreamingDevice(url, account.token, 'd', { paddingBytes: 4_000, pauseMs: 5 }),
  }));
}

function sum(figure: (device: StreamingDevice) => number): number {
  return devices.reduce((total, { device }) => total + figure(device), 0);
}

async function memory() {
  const [ingest, unpersisted] = await observer.hmget(
    createKeys(services.redis.prefix).shard(0),
    'ingest_bytes',
    'unpersisted_bytes',
  );
  const info = await observer.info('memory');
  return {
    backlogBytes: Number(ingest ?? 0) + Number(unpersisted ?? 0),
    redisBytes: Number(/used_memory:(\d+)/.exec(info)?.[1]),
    gatewayMegabytes: await services.residentMegabytes('producer-gateway'),
  };
}

async function storedValues(account: Account): Promise<number[]> {
  const rows = await sql<{ value: string }[]>`
    select (body || '}')::json -> 'data' ->> 'value' as value
    from readings where producer_id = ${account.id} order by epoch, seq`;
  return rows.map(({ value }) => Number(value));
}
