import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signUp, subscribe } from './accounts.ts';
import { type ServiceName, ServicesUnderTest } from './services-under-test.ts';
import { SocketClient, until } from './socket-client.ts';
import { StubbornDevice } from './stubborn-device.ts';

const count = 20_000;

let services: ServicesUnderTest;
let sql: postgres.Sql;
beforeAll(async () => {
  services = await ServicesUnderTest.start();
  sql = postgres(services.databaseUrl, { max: 1 });
});
afterAll(async () => {
  await sql.end();
  await services.stop();
});

describe('kill -9 in the middle of a stream', () => {
  it.each<ServiceName>(['producer-gateway', 'data-stream-manager', 'consumer-gateway'])(
    'of the %s, three times, leaves every acknowledged reading stored once and in order',
    async (name) => {
      const producer = await signUp(services, 'producer', ['d']);
      const device = new StubbornDevice(services.socketUrl('producer'), producer.token, 'd', count);
      for (const share of [0.2, 0.4, 0.6]) {
        await until(() => device.acknowledged > share * count, 60_000);
        await services.end(name, 'SIGKILL');
        await services.launch(name);
      }
      await device.done;
      expect(device.connections).toBe(name === 'producer-gateway' ? 4 : 1);

      await until(async () => (await stored(producer.id)).length >= count, 30_000);
      const rows = await stored(producer.id);
      expect(rows.map(({ seq }) => Number(seq))).toEqual(oneTo(count));
      expect(rows.map(({ sequence }) => Number(sequence))).toEqual(oneTo(count));
      expect(new Set(rows.map(({ epoch }) => epoch)).size).toBe(1);
    },
    120_000,
  );

  it('of the consumer gateway lets a consumer reconnect and go on receiving live', async () => {
    const [producer, consumer] = [await signUp(services, 'producer', ['d']), await signUp(services, 'consumer')];
    await subscribe(services, consumer, producer);
    const before = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
    await until(() => before.frames('welcome').length === 1);
    await services.end('consumer-gateway', 'SIGKILL');
    await until(() => before.closed?.code === 1006);
    await services.launch('consumer-gateway');
    const after = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
    await until(() => after.frames('welcome').length === 1);
    await new StubbornDevice(services.socketUrl('producer'), producer.token, 'd', 100).done;
    await until(() => after.readings().length === 100);
    expect(after.readings().map((frame) => frame.seq)).toEqual(oneTo(100));
    after.close();
  });
});

describe('SIGTERM', () => {
  it('of every service ends it with exit code 0 and loses nothing acknowledged', async () => {
    const producer = await signUp(services, 'producer', ['d']);
    const device = new StubbornDevice(services.socketUrl('producer'), producer.token, 'd', count);
    for (const name of [
      'producer-gateway',
      'data-stream-manager',
      'consumer-gateway',
      'auth-api',
      'subscription-manager',
    ] as const) {
      expect(await services.end(name, 'SIGTERM')).toBe(0);
      await services.launch(name);
    }
    await device.done;
    await until(async () => (await stored(producer.id)).length >= count, 30_000);
    expect((await stored(producer.id)).map(({ sequence }) => Number(sequence))).toEqual(oneTo(count));
  }, 120_000);
});

function stored(producerId: string) {
  return sql<{ epoch: string; seq: string; sequence: string }[]>`
    select epoch, seq, (body || '}')::json ->> 'sequence' as sequence
    from readings where producer_id = ${producerId} order by epoch, seq`;
}

function oneTo(last: number): number[] {
  return Array.from({ length: last }, (_, at) => at + 1);
}
