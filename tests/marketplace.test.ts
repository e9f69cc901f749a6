import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Account, request, signUp } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { SocketClient, until } from './socket-client.ts';
import { createAdmin } from './support/create-admin.ts';
import { ask, exampleListing, topUp } from './support/market.ts';

const run = promisify(execFile);
const reconcileCommand = fileURLToPath(new URL('../apps/billing-api/bin/motience-reconcile.js', import.meta.url));

let services: ServicesUnderTest;
let admin: { token: string };

beforeAll(async () => {
  services = await ServicesUnderTest.start();
  admin = await createAdmin(services);
});
afterAll(() => services.stop());

const trial = 5;
const terms = { kind: 'per-reading', price: '0.01', currency: 'EUR', trial: { readings: trial } };

const countOf = (list: unknown) => (Array.isArray(list) ? list.length : undefined);
const percentsLeft = (socket: SocketClient) => socket.frames('balance').map(({ percent_left }) => percent_left);
const seqs = (socket: SocketClient) => socket.readings().map(({ seq }) => seq);
const upTo = (last: number, first: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** What there is in a consumer's wallet and what is set aside of it. */
async function walletOf(consumer: Account) {
  const { balance, held, owed } = await ask(services, 'billing-api', 'GET /wallets/EUR', { as: consumer });
  return { balance, held, owed, hundredths: Math.round((Number(balance) + Number(held)) * 100) };
}

it('from a listing to a statement: found, tried, paid for to the reading, stopped where the money ends, gone on with', async () => {
  const producer = await signUp(services, 'producer', ['pump']);
  const consumer = await signUp(services, 'consumer');
  const sell = (call: string, body?: unknown) => ask(services, 'subscription-manager', call, { as: producer, body });
  const device = await SocketClient.open(services.socketUrl('producer'), producer.token);
  let sent = 0;
  const send = async (count: number) => {
    for (let more = 0; more < count; more += 1) {
      sent += 1;
      device.send({ device_id: 'pump', timestamp: new Date().toISOString(), data: { bar: sent }, sequence: sent });
    }
    await until(() => device.acknowledged() === sent);
  };

  // Listed, with a plan and a sample of what was sent before anybody could receive it.
  const begin = 3;
  await send(begin);
  const tag = randomBytes(6).toString('hex');
  await sell('PUT /listing', { ...exampleListing, tags: [tag] });
  const plan = await sell('POST /plans', { name: 'By the reading', terms });
  const sample = { method: 'POST', token: producer.token, body: { readings: begin } };
  const sampleUrl = `${services.httpUrl('subscription-manager')}/listing/sample`;
  await until(async () => countOf((await request(sampleUrl, sample)).body.readings) === begin);
  const search = `GET /listings?q=${tag}&price_per=1000-readings&currency=EUR&price_max=10`;
  const found = () => ask(services, 'subscription-manager', search);
  expect(await found()).toMatchObject({ items: [] });
  await sell('POST /listing/publish');

  // Found and looked at without an account.
  expect(await found()).toMatchObject({
    items: [{ producer_id: producer.id, title: exampleListing.title, plans: [{ id: plan.id, terms }] }],
  });
  expect(await ask(services, 'subscription-manager', `GET /listings/${producer.id}/preview`)).toMatchObject({
    readings: [{ data: { bar: 1 } }, { data: { bar: 2 } }, { data: { bar: 3 } }],
  });

  // Nobody is charged without having named a plan.
  const body = { producer_id: producer.id };
  const subscribeUrl = `${services.httpUrl('subscription-manager')}/subscribe`;
  expect(await request(subscribeUrl, { method: 'POST', token: consumer.token, body })).toMatchObject({
    status: 402,
    body: { error: { kind: 'payment-required', plans: [{ id: plan.id }] } },
  });
  const subscription = await ask(services, 'subscription-manager', 'POST /subscribe', {
    as: consumer,
    body: { ...body, plan_id: plan.id },
  });

  // The trial, without any money: exactly as many readings as it has.
  const socket = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
  await until(() => socket.frames('welcome').length === 1);
  await send(8);
  await until(() => socket.frames('unsubscribed').length === 1);
  expect(socket.frames('unsubscribed')[0]).toMatchObject({ producer_id: producer.id, reason: 'insufficient-funds' });
  expect(seqs(socket)).toEqual(upTo(begin + trial, begin + 1));

  // Paid until the money is gone: three readings that wait, and seven that come live, to a second socket as well.
  await topUp(services, admin, consumer, '0.10');
  await until(() => seqs(socket).length === 8);
  const second = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
  await until(() => second.frames('welcome').length === 1);
  await send(5);
  await until(() => percentsLeft(socket).includes(20));
  await send(15);
  const stopped = begin + trial + 10;
  await until(() => socket.frames('unsubscribed').length === 2 && second.frames('unsubscribed').length === 1);
  expect(seqs(socket)).toEqual(upTo(stopped, begin + 1));
  expect(seqs(second)).toEqual(upTo(stopped, 12));
  await until(async () => (await walletOf(consumer)).held === '0.00');
  expect(await walletOf(consumer)).toMatchObject({ balance: '0.00', owed: '0.00' });

  // Topped up, it goes on at the very next reading, without a hole and without one that comes twice.
  await topUp(services, admin, consumer, '1.00');
  await send(2);
  await until(() => [socket, second].every((client) => client.readings().at(-1)?.seq === sent));
  expect(seqs(socket)).toEqual(upTo(sent, begin + 1));
  expect(seqs(second)).toEqual(upTo(sent, 12));
  expect([...socket.frames('gap'), ...second.frames('gap')]).toEqual([]);
  for (const client of [device, socket, second]) client.close();

  // The books: what was delivered, once, however many sockets it went to, less the trial.
  const delivered = sent - begin;
  const charged = delivered - trial;
  await until(async () => (await walletOf(consumer)).hundredths === 110 - charged);
  const month = new Date().toISOString().slice(0, 7);
  expect(await ask(services, 'billing-api', `GET /statements/${month}`, { as: consumer })).toMatchObject({
    balances: [
      { currency: 'EUR', opening: '0.00', use: `-0.${charged}`, movements: '1.10', closing: `0.${110 - charged}` },
    ],
    lines: [
      {
        kind: 'use',
        subscription_id: subscription.id,
        use: { readings: String(delivered) },
        trial: { readings: String(trial) },
        charge: `0.${charged}`,
        epochs: [{ intervals: 1, from: begin + 1, to: sent }],
      },
      { kind: 'top-up', amount: '0.10' },
      { kind: 'top-up', amount: '1.00' },
    ],
  });
  const { stdout } = await run(process.execPath, [reconcileCommand], {
    env: { ...process.env, DATABASE_URL: services.databaseUrl },
  });
  expect(stdout).toContain('The books agree');
}, 120_000);
