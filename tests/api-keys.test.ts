import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, request, signUp, subscribe } from './accounts.ts';
import { type ServiceName, ServicesUnderTest } from './services-under-test.ts';
import { SocketClient, until } from './socket-client.ts';

let services: ServicesUnderTest;
beforeAll(async () => {
  services = await ServicesUnderTest.start();
});
afterAll(() => services.stop());

async function makeKey({ token }: Account, ...scopes: string[]): Promise<{ id: string; key: string }> {
  const url = `${services.httpUrl('auth-api')}/keys`;
  const { status, body } = await request(url, { method: 'POST', token, body: { name: 'any', scopes } });
  expect(status).toBe(201);
  return { id: String(body.id), key: String(body.key) };
}
const revoke = ({ token }: Account, id: string) =>
  request(`${services.httpUrl('auth-api')}/keys/${id}`, { method: 'DELETE', token });
const open = (role: 'producer' | 'consumer', key: string) => SocketClient.open(services.socketUrl(role), key);
const reading = (sequence: number) => ({
  device_id: 'd',
  timestamp: '2025-01-29T11:35:00Z',
  data: { temperature: 20 },
  sequence,
});

describe('an API key', () => {
  it('opens both sockets, and is cut from them within a second once it is revoked', async () => {
    const [producer, consumer] = [await signUp(services, 'producer', ['d']), await signUp(services, 'consumer')];
    const [sending, receiving] = [await makeKey(producer, 'stream:send'), await makeKey(consumer, 'stream:receive')];
    await subscribe(services, consumer, producer);
    const device = await open('producer', sending.key);
    const socket = await open('consumer', receiving.key);
    const inPerson = await open('consumer', consumer.token);
    await until(() => [socket, inPerson].every((one) => one.frames('welcome').length === 1));
    device.send(reading(1));
    await until(() => device.acknowledged() === 1 && socket.readings().length === 1);

    for (const [account, key, client] of [
      [consumer, receiving, socket],
      [producer, sending, device],
    ] as const) {
      expect((await revoke(account, key.id)).status).toBe(204);
      await until(() => client.closed !== undefined, 1_000);
      expect(client.closed).toEqual({ code: 4500, reason: 'unauthenticated' });
    }
    const never = `mk_${'0'.repeat(32)}_${'A'.repeat(43)}`;
    const refused = await Promise.all([open('consumer', receiving.key), open('consumer', never)]);
    await until(() => refused.every(({ closed }) => closed !== undefined));
    for (const { closed } of refused) expect(closed).toEqual({ code: 4500, reason: 'unauthenticated' });
    const [revoked, unknown] = refused.map((one) => one.frames().map(({ request_id, ...told }) => told));
    expect(revoked).toEqual(unknown);
    expect(inPerson.closed).toBeUndefined();
    inPerson.close();
  });

  it('without the scope of a socket does not open it: 4501, and the scope is named', async () => {
    const [producer, consumer] = [await signUp(services, 'producer'), await signUp(services, 'consumer')];
    for (const [role, account] of [
      ['producer', producer],
      ['consumer', consumer],
    ] as const) {
      const socket = await open(role, (await makeKey(account, 'billing')).key);
      await until(() => socket.closed !== undefined);
      expect(socket.closed?.code).toBe(4501);
      const scope = role === 'producer' ? 'stream:send' : 'stream:receive';
      expect(socket.frames('error')).toMatchObject([{ kind: 'forbidden', detail: expect.stringContaining(scope) }]);
    }
  });

  it('is taken by every HTTP API for its scope, and refused without', async () => {
    const [producer, consumer] = [await signUp(services, 'producer'), await signUp(services, 'consumer')];
    const ways: [ServiceName, string, string][] = [
      ['auth-api', 'account:read', '/me'],
      ['subscription-manager', 'subscriptions', `/subscriptions/${consumer.id}`],
      ['data-stream-manager', 'account:read', '/streams'],
      ['billing-api', 'billing', '/wallets'],
    ];
    for (const [service, scope, path] of ways) {
      const url = services.httpUrl(service) + path;
      const { key: token } = await makeKey(consumer, scope);
      expect(await request(url, { token })).toMatchObject({ status: 200 });
      const { key: other } = await makeKey(consumer, 'stream:receive');
      const message = expect.stringContaining(scope);
      expect(await request(url, { token: other })).toMatchObject({ status: 403, body: { error: { message } } });
    }
    const { key: token } = await makeKey(consumer, 'subscriptions');
    const body = { producer_id: producer.id };
    const url = `${services.httpUrl('subscription-manager')}/subscribe`;
    expect(await request(url, { method: 'POST', token, body })).toMatchObject({ status: 201 });
  });

  it('receives server-sent events', async () => {
    const [producer, consumer] = [await signUp(services, 'producer', ['d']), await signUp(services, 'consumer')];
    await subscribe(services, consumer, producer);
    const { key } = await makeKey(consumer, 'stream:receive');
    const url = `http://127.0.0.1:${services.ports.get('consumer-gateway')}/consumer/sse?producer_id=${producer.id}`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
    expect(response.status).toBe(200);
    await response.body?.cancel();
    const other = await makeKey(consumer, 'billing');
    const refused = await fetch(url, { headers: { authorization: `Bearer ${other.key}` } });
    expect(refused.status).toBe(403);
    await refused.body?.cancel();
  });
});
