/** The whole way over a Redis Cluster of three masters, and one of them killed in the middle. */
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PrivateCluster, startPrivateCluster } from '../packages/engines/dist/testing.js';
import { ConsumerClient, type Gap } from '../packages/sdk/dist/index.js';
import { type Account, signUp, subscribe } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { until } from './socket-client.ts';
import { StubbornDevice } from './stubborn-device.ts';

/** One after another they lie in different shards, and those of six on all masters. */
const producerCount = 6;
/** Between one kill and the next, from each device. */
const readingsBetween = 500;

let cluster: PrivateCluster;
let services: ServicesUnderTest;
let sql: postgres.Sql;
beforeAll(async () => {
  cluster = await startPrivateCluster();
  services = await ServicesUnderTest.start({
    REDIS_URL: '',
    REDIS_CLUSTER_NODES: cluster.addresses,
    REDIS_PASSWORD: cluster.password,
  });
  sql = postgres(services.databaseUrl, { max: 1 });
}, 120_000);
afterAll(async () => {
  await sql.end();
  await services.stop();
  await cluster.close();
});

it('readings of streams on all masters come once and in order, although a master is killed and comes back', async () => {
  const producers: Account[] = [];
  for (let count = 0; count < producerCount; count += 1) producers.push(await signUp(services, 'producer', ['d']));
  const consumer = await signUp(services, 'consumer');
  for (const producer of producers) await subscribe(services, consumer, producer);
  const received = new Map<string, number[]>(producers.map(({ id }) => [id, []]));
  const gaps: Gap[] = [];
  const client = new ConsumerClient({
    gatewayUrl: services.socketUrl('consumer'),
    tokens: { accessToken: async () => consumer.token },
  });
  client.on('reading', ({ reading }) => received.get(reading.producer_id)?.push(Number(reading.sequence)));
  client.on('gap', (gap) => gaps.push(gap));
  let welcomed = false;
  client.on('welcome', () => {
    welcomed = true;
  });
  client.start();
  await until(() => welcomed);
  expect(await limitsCounted()).toBeGreaterThan(0);

  const devices = producers.map(
    ({ token }) => new StubbornDevice(services.socketUrl('producer'), token, 'd', Number.POSITIVE_INFINITY, 20),
  );
  const progress = () => {
    const before = devices.map(({ acknowledged }) => acknowledged);
    return (readings: number) =>
      devices.map(({ acknowledged }, which) => acknowledged > Number(before[which]) + readings);
  };
  for (const master of cluster.masters) {
    const all = progress();
    await until(() => all(readingsBetween).every(Boolean), 60_000);
    await master.kill();
    // The others serve on: some devices get further while it is away.
    const some = progress();
    await until(() => some(10).some(Boolean), 30_000);
    await master.restart();
  }
  const counts = await Promise.all(devices.map((device) => device.finish()));

  for (const [which, { id }] of producers.entries()) {
    const oneToLast = Array.from({ length: counts[which] ?? 0 }, (_, at) => at + 1);
    await until(() => (received.get(id)?.length ?? 0) >= oneToLast.length, 60_000);
    expect(received.get(id)).toEqual(oneToLast);
    await until(async () => (await stored(id)).length >= oneToLast.length, 30_000);
    expect(await stored(id)).toEqual(oneToLast);
  }
  expect(gaps).toEqual([]);
  client.stop();
}, 240_000);

/** Keys of rate limits: they are counted in Redis, not by each process for itself. */
async function limitsCounted(): Promise<number> {
  const connections = cluster.masters.map(({ url }) => new Redis(url));
  const found = await Promise.all(connections.map((redis) => redis.keys('*:limit:*')));
  for (const redis of connections) redis.disconnect();
  return found.flat().length;
}

/** The `sequence` of what PostgreSQL holds of a producer, by epoch and seq; a new epoch sorts behind the one before. */
async function stored(producerId: string): Promise<number[]> {
  const rows = await sql<{ sequence: string }[]>`
    select (body || '}')::json ->> 'sequence' as sequence
    from readings where producer_id = ${producerId} order by epoch, seq`;
  return rows.map(({ sequence }) => Number(sequence));
}
