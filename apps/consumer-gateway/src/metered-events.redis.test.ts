import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';
import { CreditOffice } from './credit-office.fixture.ts';
import { Events } from './events.fixture.ts';

let corner: StreamCorner;
let office: CreditOffice;
let gateway: AppProcess;
let lastSubscription = 0;

beforeAll(async () => {
  corner = await StreamCorner.open(undefined, { database: true });
  office = new CreditOffice(corner);
  gateway = corner.run('consumer-gateway');
});
afterAll(() => corner.close());

async function metered() {
  lastSubscription += 1;
  const subscriptionId = String(2_000 + lastSubscription);
  const producer = await corner.account('producer', ['a']);
  const consumer = await corner.account('consumer');
  const right = { kind: 'subscription', accountId: consumer.id, item: producer.id, since: 0, subscriptionId } as const;
  await corner.rights.grant(right);
  const open = (query: Record<string, string> = {}, signal?: AbortSignal) =>
    Events.open(gateway, { producer_id: producer.id, token: consumer.token, ...query }, {}, signal);
  return { producer, consumer, subscriptionId, open };
}

async function count(what: string): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${await gateway.listening}/metrics`)).text();
  return Number(new RegExp(`^motience_consumer_${what}\\S* (\\d+)$`, 'm').exec(metrics)?.[1]);
}

const many = (length: number) => Array.from({ length }, (_, at) => ({ n: at }));
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

it('a stream of events ends where its credit does, stays open, and goes on there', async () => {
  const { producer, subscriptionId, open } = await metered();
  await office.give(subscriptionId, { units: 6, warning: 5, state: 'stopped', reason: 'insufficient-funds' });
  const events = await open();
  await eventually(() => expect(events.frames('subscribed')).toHaveLength(1));
  await corner.publish(producer.id, many(10));
  await eventually(() => expect(events.frames('unsubscribed')).toMatchObject([{ reason: 'insufficient-funds' }]));
  expect(events.seqs).toEqual(numbers(1, 6));
  await office.give(subscriptionId, { units: 100 });
  await eventually(() => expect(events.seqs).toEqual(numbers(1, 10)));
  expect(events.frames('subscribed')).toMatchObject([{ seq: 0 }, { seq: 6, recovered: true }]);
  expect(events.ended).toBe(false);
  await eventually(async () => expect(await office.ranges(subscriptionId)).toEqual(['1-10']));
  expect(await office.spent(subscriptionId)).toBe(10);
});

it('a stream of events that waits for credit goes on once it is not counted any more', async () => {
  const { producer, consumer, subscriptionId, open } = await metered();
  await office.give(subscriptionId, { units: 6, state: 'stopped', reason: 'insufficient-funds' });
  const events = await open();
  await eventually(() => expect(events.frames('subscribed')).toHaveLength(1));
  await corner.publish(producer.id, many(10));
  await eventually(() => expect(events.frames('unsubscribed')).toHaveLength(1));
  await corner.rights.grant({ kind: 'subscription', accountId: consumer.id, item: producer.id, since: 0 });
  await eventually(() => expect(events.seqs).toEqual(numbers(1, 10)));
  expect(events.frames('subscribed')).toMatchObject([{ seq: 0 }, { seq: 6, recovered: true }]);
  await eventually(async () => expect(await office.ranges(subscriptionId)).toEqual(['1-6']));
});

it('streams of events that are soon cut are reported all the same, each reading once', async () => {
  const { producer, subscriptionId, open } = await metered();
  await office.give(subscriptionId, { units: 1_000 });
  await corner.publish(producer.id, many(1));
  const { epoch } = await corner.head(producer.id);
  await corner.publish(producer.id, many(40));
  for (const after of [1, 11, 6, 21]) {
    const events = await open({ last_event_id: `${epoch}:${after}` });
    await eventually(() => expect(events.seqs).toEqual(numbers(after + 1, 41)));
    events.close();
  }
  await eventually(async () => expect(await office.ranges(subscriptionId)).toEqual(['2-41']));
});

it('one that is gone before its stream was opened leaves nothing that is metered', async () => {
  const { producer, subscriptionId, open } = await metered();
  await office.give(subscriptionId, { units: 1_000 });
  const follower = await TestSocket.open(`ws://127.0.0.1:${await gateway.listening}/consumer`, {
    token: (await corner.account('consumer', [producer.id])).token,
  });
  onTestFinished(() => follower.close());
  await eventually(() => expect(follower.ofType('welcome')).toHaveLength(1));
  await corner.publish(producer.id, many(1));
  await eventually(() => expect(follower.readings).toHaveLength(1));
  // Whoever comes now waits until this was looked for.
  await corner.retainUntold(producer.id, {});
  const cutting = new AbortController();
  const opening = open({}, cutting.signal).catch(() => {});
  await eventually(async () => expect(await count('event_streams')).toBe(1));
  cutting.abort();
  await opening;
  await eventually(() => expect(follower.readings).toHaveLength(2));
  await eventually(async () => expect(await count('event_streams')).toBe(0));
  await eventually(async () => expect(await count('metered_subscriptions')).toBe(0));
});
