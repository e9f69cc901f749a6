import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PrivateEngine, startPrivateRedis } from '../packages/engines/dist/testing.js';
import { signUp } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { until } from './socket-client.ts';
import { StubbornDevice } from './stubborn-device.ts';

const count = 20_000;

let redis: PrivateEngine;
let services: ServicesUnderTest;
let sql: postgres.Sql;
beforeAll(async () => {
  redis = await startPrivateRedis();
  services = await ServicesUnderTest.start({ REDIS_URL: redis.url });
  sql = postgres(services.databaseUrl, { max: 1 });
});
afterAll(async () => {
  await sql.end();
  await services.stop();
  await redis.close();
});

describe('kill -9 of Redis in the middle of a stream', () => {
  it('loses and doubles nothing that was acknowledged, and streaming goes on by itself', async () => {
    const producer = await signUp(services, 'producer', ['d']);
    const device = new StubbornDevice(services.socketUrl('producer'), producer.token, 'd', count);
    for (const share of [0.25, 0.5, 0.75]) {
      await until(() => device.acknowledged > share * count, 60_000);
      await redis.kill();
      await redis.restart();
    }
    await device.done;
    // A new epoch sorts behind the one before.
    const stored = () => sql<{ epoch: string; seq: string; sequence: string }[]>`
      select epoch, seq, (body || '}')::json ->> 'sequence' as sequence
      from readings where producer_id = ${producer.id} order by epoch, seq`;
    await until(async () => (await stored()).length >= count, 30_000);
    const everyOne = Array.from({ length: count }, (_, at) => at + 1);
    expect((await stored()).map(({ sequence }) => Number(sequence))).toEqual(everyOne);
    const seqsByEpoch = new Map<string, number[]>();
    for (const { epoch, seq } of await stored())
      seqsByEpoch.set(epoch, [...(seqsByEpoch.get(epoch) ?? []), Number(seq)]);
    for (const seqs of seqsByEpoch.values()) expect(seqs).toEqual(seqs.map((_, at) => at + 1));
  }, 120_000);
});
