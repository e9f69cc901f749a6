import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Account, request, signUp, subscribe } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { SocketClient, until } from './socket-client.ts';

let services: ServicesUnderTest;
beforeAll(async () => {
  services = await ServicesUnderTest.start();
});
afterAll(() => services.stop());

const asProducer = (producer: Account, method: string, path: string, body?: unknown) =>
  request(`${services.httpUrl('subscription-manager')}${path}`, {
    method,
    token: producer.token,
    ...(body === undefined ? {} : { body }),
  });

const waysToCut = [
  ['revokes', (producer: Account, { id }: Account) => asProducer(producer, 'DELETE', `/subscribers/${id}`)],
  ['denies', (producer: Account, { id }: Account) => asProducer(producer, 'PUT', `/access/${id}`, { access: 'deny' })],
] as const;

it.each(waysToCut)(
  'a consumer whom its producer %s receives nothing more on its open sockets, a second after the reply',
  async (_how, cut) => {
    const [producer, consumer, other] = [
      await signUp(services, 'producer', ['d']),
      await signUp(services, 'consumer'),
      await signUp(services, 'consumer'),
    ];
    for (const account of [consumer, other]) await subscribe(services, account, producer);
    const open = ({ token }: Account) => SocketClient.open(services.socketUrl('consumer'), token);
    const sockets = [await open(consumer), await open(consumer)];
    const kept = await open(other);
    await until(() => [...sockets, kept].every((socket) => socket.frames('welcome').length === 1));
    const device = await SocketClient.open(services.socketUrl('producer'), producer.token);
    device.send(reading(1));
    await until(() => [...sockets, kept].every((socket) => socket.readings().length === 1));

    expect((await cut(producer, consumer)).status).toBe(200);
    await until(() => sockets.every((socket) => socket.frames('unsubscribed').length === 1), 1_000);
    device.send(reading(2));
    await until(() => kept.readings().length === 2);
    for (const socket of sockets) expect(socket.readings()).toHaveLength(1);
    for (const client of [device, kept, ...sockets]) client.close();
  },
);

function reading(sequence: number) {
  return { device_id: 'd', timestamp: '2025-01-29T11:35:00Z', data: { temperature: 20 }, sequence };
}
