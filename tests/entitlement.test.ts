import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, request, signUp, subscribe } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { type Frame, SocketClient, until } from './socket-client.ts';

const readingsPerDevice = 200;

let services: ServicesUnderTest;
beforeAll(async () => {
  services = await ServicesUnderTest.start();
});
afterAll(() => services.stop());

describe('ten devices of three producers and twenty consumers with different subscriptions', () => {
  it('give each consumer exactly what it is entitled to, in order, and nothing else', async () => {
    const devicesOf = [
      ['a1', 'a2', 'a3', 'a4'],
      ['b1', 'b2', 'b3'],
      ['c1', 'c2', 'a1'],
    ];
    const producers = await Promise.all(devicesOf.map((devices) => signUp(services, 'producer', devices)));
    const consumers = await Promise.all(Array.from({ length: 20 }, () => signUp(services, 'consumer')));
    // Bit p of a consumer's number says whether it is subscribed to producer p: each of the eight combinations occurs.
    const entitled = consumers.map((_, index) => producers.filter((_, bit) => (index >> bit) & 1));
    await Promise.all(
      consumers.flatMap((consumer, index) =>
        (entitled[index] ?? []).map((producer) => subscribe(services, consumer, producer)),
      ),
    );

    const sockets = await Promise.all(
      consumers.map(({ token }) => SocketClient.open(services.socketUrl('consumer'), token)),
    );
    await until(() => sockets.every((socket) => socket.frames('welcome').length === 1));
    for (const [index, socket] of sockets.entries()) {
      const streams = socket.frames('welcome')[0]?.streams;
      expect(streams).toHaveLength(entitled[index]?.length ?? 0);
    }

    // Each device has a socket of its own.
    const sending = producers.flatMap((producer, at) =>
      (devicesOf[at] ?? []).map(async (deviceId) => {
        const device = await SocketClient.open(services.socketUrl('producer'), producer.token);
        for (let sequence = 1; sequence <= readingsPerDevice; sequence += 1) {
          device.send(reading(deviceId, sequence));
        }
        await until(() => device.acknowledged() === readingsPerDevice);
        device.close();
      }),
    );
    await Promise.all(sending);

    const expectedCount = (index: number) =>
      (entitled[index] ?? []).reduce(
        (sum, producer) => sum + devicesOfProducer(producer).length * readingsPerDevice,
        0,
      );
    function devicesOfProducer(producer: Account) {
      return devicesOf[producers.indexOf(producer)] ?? [];
    }
    await until(() => sockets.every((socket, index) => socket.readings().length >= expectedCount(index)), 30_000);

    const byProducer = new Map<string, string[]>();
    for (const [index, socket] of sockets.entries()) {
      expect(socket.readings()).toHaveLength(expectedCount(index));
      expect(new Set(socket.readings().map((frame) => frame.producer_id))).toEqual(
        new Set((entitled[index] ?? []).map(({ id }) => id)),
      );
      for (const producer of entitled[index] ?? []) {
        const texts = socket.texts.filter((text) => text.startsWith(`{"producer_id":"${producer.id}"`));
        expect(texts.map((text) => JSON.parse(text).seq)).toEqual(texts.map((_, at) => at + 1));
        for (const deviceId of devicesOfProducer(producer)) {
          const sequences = texts
            .map((text): Frame => JSON.parse(text))
            .filter((frame) => frame.device_id === deviceId)
            .map((frame) => frame.sequence);
          expect(sequences).toEqual(Array.from({ length: readingsPerDevice }, (_, at) => at + 1));
        }
        // Byte for byte the same for everybody.
        expect(texts).toEqual(byProducer.get(producer.id) ?? texts);
        byProducer.set(producer.id, texts);
      }
    }
    for (const socket of sockets) socket.close();
  });

  it('start and stop while a socket is open, within a second of the reply', async () => {
    const [producer, consumer] = [await signUp(services, 'producer', ['d']), await signUp(services, 'consumer')];
    const device = await SocketClient.open(services.socketUrl('producer'), producer.token);
    const socket = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
    await until(() => socket.frames('welcome').length === 1);

    await subscribe(services, consumer, producer);
    await until(() => socket.frames('subscribed').length === 1, 1_000);
    device.send(reading('d', 1));
    await until(() => socket.readings().length === 1);

    const url = `${services.httpUrl('subscription-manager')}/unsubscribe?producer_id=${producer.id}`;
    expect((await request(url, { method: 'DELETE', token: consumer.token })).status).toBe(200);
    await until(() => socket.frames('unsubscribed').length === 1, 1_000);
    device.send(reading('d', 2));
    // Entitlement is decided when a reading is numbered, which may be after it was acknowledged.
    const stream = `${services.httpUrl('data-stream-manager')}/streams/${producer.id}`;
    await until(async () => (await request(stream, { token: producer.token })).body.head === 2);

    await subscribe(services, consumer, producer);
    await until(() => socket.frames('subscribed').length === 2, 1_000);
    device.send(reading('d', 3));
    await until(() => socket.readings().length === 2);
    expect(socket.readings().map((frame) => frame.sequence)).toEqual([1, 3]);
    for (const client of [device, socket]) client.close();
  });

  it.each(['logout', 'a password change elsewhere'])('end open sockets after %s, within a second', async (how) => {
    const auth = services.httpUrl('auth-api');
    const consumer = await signUp(services, 'consumer');
    const socket = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
    await until(() => socket.frames('welcome').length === 1);
    if (how === 'logout') {
      expect((await request(`${auth}/logout`, { method: 'POST', token: consumer.token })).status).toBe(204);
    } else {
      const { username, password } = consumer;
      const other = await request(`${auth}/login`, { method: 'POST', body: { username, password } });
      const token = String(other.body.access_token);
      const body = { current_password: password, new_password: `${password}!` };
      const changed = await request(`${auth}/me/password`, { method: 'PUT', token, body });
      expect(changed.status).toBeLessThan(300);
    }
    await until(() => socket.closed !== undefined, 1_000);
    expect(socket.closed).toEqual({ code: 4500, reason: 'unauthenticated' });
    const again = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
    await until(() => again.closed !== undefined);
    expect(again.closed?.code).toBe(4500);
  });
});

function reading(device_id: string, sequence: number) {
  return { device_id, timestamp: '2025-01-29T11:35:00Z', data: { temperature: 20 + sequence / 10 }, sequence };
}
