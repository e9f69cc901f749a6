import { listings, plans, subscriptionRequests } from '@motience/database';
import {
  accessEntrySchema,
  namedSubscriptionRequestSchema,
  pageSchema,
  type SubscriptionRequest,
  subscriptionRequestSchema,
  subscriptionSchema,
} from '@motience/protocol';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type ApiAccount, refusal } from '../../../tests/support/api-under-test.ts';
import { endPlans } from './services/end-plans.ts';
import { purge } from './services/purge.ts';
import { type SubscriptionManager, startSubscriptionManager } from './testing/start-subscription-manager.ts';

const requestsPerConsumer = 3;
const requestsPerProducer = 6;
const entriesPerProducer = 3;
const subscriptionsPerConsumer = 2;
const free = { name: 'Free', terms: { kind: 'free' } };
const paid = { name: 'By the reading', terms: { kind: 'per-reading', price: '0.01', currency: 'EUR' } };
const approvedSchema = z.object({ request: subscriptionRequestSchema, subscription: subscriptionSchema });

let api: SubscriptionManager;
beforeAll(async () => {
  api = await startSubscriptionManager({
    REQUESTS_PER_CONSUMER: String(requestsPerConsumer),
    REQUESTS_PER_PRODUCER: String(requestsPerProducer),
    ACCESS_ENTRIES_PER_PRODUCER: String(entriesPerProducer),
    SUBSCRIPTIONS_PER_CONSUMER: String(subscriptionsPerConsumer),
    REQUEST_LIFETIME: '10d',
  });
});
afterAll(() => api.stop());

async function putListing(producer: ApiAccount, fields: object): Promise<void> {
  const listing = { title: 'Weather', description: 'Wind.', category: 'Weather', tags: [], licence: 'CC0-1.0' };
  expect((await api.call(producer, 'PUT /listing', { ...listing, ...fields })).status).toBeLessThan(300);
}

async function selective(): Promise<ApiAccount> {
  const producer = await api.addAccount('producer');
  await putListing(producer, { approval: 'by-producer' });
  return producer;
}
const both = async (): Promise<[ApiAccount, ApiAccount]> => [await api.addAccount('consumer'), await selective()];

async function asked(consumer: ApiAccount, producer: ApiAccount, planId?: string): Promise<SubscriptionRequest> {
  const { status, json } = await api.subscribe(consumer, producer, planId);
  expect(status).toBe(202);
  return subscriptionRequestSchema.parse(json);
}
const decide = (as: ApiAccount, { id }: { id: string }, decision: string) =>
  api.call(as, `POST /requests/${id}/${decision}`);
async function requestsOf(as: ApiAccount, query = '') {
  const { json } = await api.call(as, `GET /requests${query}`);
  return pageSchema(namedSubscriptionRequestSchema).parse(json).items;
}
const putAccess = (as: ApiAccount, consumer: ApiAccount, access: string) =>
  api.call(as, `PUT /access/${consumer.id}`, { access });
const isReceiving = (consumer: ApiAccount, producer: ApiAccount) =>
  api.rights.has({ kind: 'subscription', accountId: consumer.id, item: producer.id });

/** As if a request had been made that many days ago. */
async function age({ id }: { id: string }, days: number): Promise<void> {
  const back = sql`${days} * interval '1 day'`;
  const { createdAt, expiresAt } = subscriptionRequests;
  await api.context.database.db
    .update(subscriptionRequests)
    .set({ createdAt: sql`${createdAt} - ${back}`, expiresAt: sql`${expiresAt} - ${back}` })
    .where(eq(subscriptionRequests.id, BigInt(id)));
}

describe('where the producer approves each consumer, POST /subscribe', () => {
  it('answers 202 with a request that both sides see, and delivers nothing', async () => {
    const [consumer, producer] = await both();
    const request = await asked(consumer, producer);
    expect(request).toMatchObject({ status: 'pending', plan_id: null, consumer_id: consumer.id, decided_at: null });
    expect(Date.parse(request.expires_at) - Date.parse(request.created_at)).toBeCloseTo(10 * 86_400_000, -3);
    const shown = { ...request, consumer_username: consumer.username, producer_username: producer.username };
    for (const account of [consumer, producer]) expect(await requestsOf(account)).toEqual([shown]);
    expect(await requestsOf(await api.addAccount('producer'))).toEqual([]);
    expect(await isReceiving(consumer, producer)).toBe(false);
    expect(await api.active(consumer)).toEqual([]);
  });

  it('finds the request that is open, also when asked many times at once; it is for the plan named last', async () => {
    const [consumer, producer] = await both();
    const [first, second] = [await api.offered(producer, paid), await api.offered(producer, paid)];
    const replies = await Promise.all(Array.from({ length: 8 }, () => asked(consumer, producer, first.id)));
    expect(new Set(replies.map(({ id }) => id)).size).toBe(1);
    expect(await asked(consumer, producer, second.id)).toMatchObject({ id: replies[0]?.id, plan_id: second.id });
    expect(await requestsOf(producer)).toHaveLength(1);
  });

  it('still wants a plan to be named, before anybody is asked', async () => {
    const [consumer, producer] = await both();
    await api.offered(producer, paid);
    expect((await api.subscribe(consumer, producer)).status).toBe(402);
    expect(await requestsOf(producer)).toEqual([]);
  });

  it('changes the plan of whoever was let in without asking again', async () => {
    const [consumer, producer] = await both();
    const [first, second] = [await api.offered(producer, free), await api.offered(producer, paid)];
    await decide(producer, await asked(consumer, producer), 'approve');
    expect(await api.active(consumer)).toMatchObject([{ plan_id: first.id }]);
    expect(await api.subscribed(consumer, producer, second.id)).toMatchObject({ plan_id: second.id });
  });

  it('keeps to the number of open requests of a consumer and of a producer', async () => {
    const consumer = await api.addAccount('consumer');
    for (let at = 0; at < requestsPerConsumer; at += 1) await asked(consumer, await selective());
    const oneMore = await api.subscribe(consumer, await selective());
    expect(refusal(oneMore)).toMatchObject({ status: 409, message: expect.stringContaining(`${requestsPerConsumer}`) });

    const producer = await selective();
    for (let at = 0; at < requestsPerProducer; at += 1) await asked(await api.addAccount('consumer'), producer);
    const last = await api.addAccount('consumer');
    expect(refusal(await api.subscribe(last, producer))).toMatchObject({
      status: 409,
      message: expect.stringContaining(`${requestsPerProducer}`),
    });
    const [open] = await requestsOf(producer);
    if (!open) throw new Error('no request');
    await decide(producer, open, 'reject');
    await asked(last, producer);
  });

  it('keeps to the number of open requests of a producer also when many ask at once', async () => {
    const producer = await selective();
    const consumers = await Promise.all(
      Array.from({ length: 4 * requestsPerProducer }, () => api.addAccount('consumer')),
    );
    const replies = await Promise.all(consumers.map((consumer) => api.subscribe(consumer, producer)));
    expect(replies.filter(({ status }) => status === 202)).toHaveLength(requestsPerProducer);
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(3 * requestsPerProducer);
  });
});

describe('a listing that takes nobody new', () => {
  it.each(['paused', 'retired'])('because it is %s refuses new subscribers and leaves those it has', async (status) => {
    const [consumer, late] = [await api.addAccount('consumer'), await api.addAccount('consumer')];
    const producer = await api.addAccount('producer');
    await putListing(producer, {});
    await api.subscribed(consumer, producer);
    // Which of a listing's steps lead there is not what this is about.
    await api.context.database.db
      .update(listings)
      .set({ status: status === 'paused' ? 'paused' : 'retired', publishedAt: new Date() })
      .where(eq(listings.producerId, BigInt(producer.id)));
    expect(refusal(await api.subscribe(late, producer))).toMatchObject({
      status: 409,
      kind: 'conflict',
      message: expect.stringContaining(status),
    });
    expect((await api.subscribe(consumer, producer)).status).toBe(200);
    const plan = await api.offered(producer, free);
    await api.subscribed(consumer, producer, plan.id);
  });
});

describe('a request', () => {
  it('that is approved becomes a subscription on its plan, which Redis knows by the reply', async () => {
    const [consumer, producer] = await both();
    const plan = await api.offered(producer, paid);
    const reply = await decide(producer, await asked(consumer, producer, plan.id), 'approve');
    expect(reply.status).toBe(200);
    const { request, subscription } = approvedSchema.parse(reply.json);
    expect(request).toMatchObject({ status: 'approved', decided_at: expect.any(String) });
    expect(subscription).toMatchObject({ consumer_id: consumer.id, plan_id: plan.id, status: 'active' });
    expect(await isReceiving(consumer, producer)).toBe(true);
    expect(await requestsOf(producer, '?status=open')).toEqual([]);
  });

  it('that is rejected delivers nothing, and another one can be made', async () => {
    const [consumer, producer] = await both();
    const first = await asked(consumer, producer);
    expect(await decide(producer, first, 'reject')).toMatchObject({ status: 200, json: { status: 'rejected' } });
    expect(await isReceiving(consumer, producer)).toBe(false);
    expect((await asked(consumer, producer)).id).not.toBe(first.id);
  });

  it('is decided once, however many decide at once', async () => {
    const [consumer, producer] = await both();
    const request = await asked(consumer, producer);
    const replies = await Promise.all([
      ...['approve', 'reject', 'approve', 'reject'].map((decision) => decide(producer, request, decision)),
      api.call(consumer, `DELETE /requests/${request.id}`),
    ]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    const approved = (await requestsOf(producer)).filter(({ status }) => status === 'approved').length;
    expect(await api.active(consumer)).toHaveLength(approved);
  });

  it('is taken back by its consumer', async () => {
    const [consumer, producer] = await both();
    const request = await asked(consumer, producer);
    expect(await api.call(consumer, `DELETE /requests/${request.id}`)).toMatchObject({ json: { status: 'cancelled' } });
    expect(refusal(await decide(producer, request, 'approve'))).toMatchObject({ kind: 'conflict' });
  });

  it("is nobody else's to decide or to take back", async () => {
    const [consumer, producer] = await both();
    const request = await asked(consumer, producer);
    const [other, otherConsumer] = [await selective(), await api.addAccount('consumer')];
    for (const decision of ['approve', 'reject']) {
      expect(refusal(await decide(other, request, decision))).toMatchObject({ status: 404, kind: 'not-found' });
      expect(refusal(await decide(consumer, request, decision))).toMatchObject({ status: 403 });
    }
    expect((await api.call(otherConsumer, `DELETE /requests/${request.id}`)).status).toBe(404);
    expect((await api.call(producer, `DELETE /requests/${request.id}`)).status).toBe(403);
    expect(await requestsOf(producer)).toMatchObject([{ status: 'pending' }]);
  });

  it('is not approved when its plan is not offered any more, or the consumer has no room', async () => {
    const [consumer, producer] = await both();
    const plan = await api.offered(producer, paid);
    const request = await asked(consumer, producer, plan.id);
    await api.call(producer, `DELETE /plans/${plan.id}`);
    const reply = await decide(producer, request, 'approve');
    expect(refusal(reply)).toMatchObject({ kind: 'conflict', message: expect.stringContaining(`plan ${plan.id}`) });

    const [busy, another] = await both();
    const waiting = await asked(busy, another);
    for (let at = 0; at < subscriptionsPerConsumer; at += 1)
      await api.subscribed(busy, await api.addAccount('producer'));
    expect(refusal(await decide(another, waiting, 'approve'))).toMatchObject({ kind: 'conflict' });
    expect(await requestsOf(another)).toMatchObject([{ status: 'pending' }]);
  });

  it('expires, leaves room for another one, and is deleted a month later', async () => {
    const [consumer, producer] = await both();
    const request = await asked(consumer, producer);
    await age(request, 11);
    expect(await requestsOf(producer)).toMatchObject([{ id: request.id, status: 'expired' }]);
    expect(await requestsOf(producer, '?status=open')).toEqual([]);
    expect(refusal(await decide(producer, request, 'approve'))).toMatchObject({ kind: 'conflict' });
    const next = await asked(consumer, producer);
    expect(next.id).not.toBe(request.id);
    await age(next, 39);
    await purge(api.context.database);
    expect(await requestsOf(consumer)).toHaveLength(1);
    await age(next, 2);
    await purge(api.context.database);
    expect(await requestsOf(consumer)).toEqual([]);
  });

  it.each([
    ['GET /requests?status=pending', 'status'],
    ['GET /requests?limit=0', 'limit'],
    ['POST /requests/x/approve', 'id'],
    ['POST /requests/0/reject', 'id'],
  ])('%s is refused and names the field', async (route, path) => {
    const reply = await api.call(await api.addAccount('producer'), route);
    expect(refusal(reply)).toMatchObject({ status: 400, kind: 'invalid-request', paths: [path] });
  });
});

describe('a consumer whom the producer', () => {
  it('allows is let in without being asked, and its request is decided with that', async () => {
    const [consumer, producer] = await both();
    await asked(consumer, producer);
    expect((await putAccess(producer, consumer, 'allow')).status).toBe(200);
    await api.subscribed(consumer, producer);
    expect(await requestsOf(consumer)).toMatchObject([{ status: 'approved' }]);
  });

  it('denies loses its subscription, Redis knowing by the reply, and gets 403 from then on', async () => {
    const [consumer, producer] = [await api.addAccount('consumer'), await api.addAccount('producer')];
    await api.subscribed(consumer, producer);
    const reply = await putAccess(producer, consumer, 'deny');
    expect(accessEntrySchema.parse(reply.json)).toMatchObject({
      consumer_id: consumer.id,
      consumer_username: consumer.username,
      access: 'deny',
    });
    expect(await isReceiving(consumer, producer)).toBe(false);
    expect(await api.active(consumer)).toEqual([]);
    expect(refusal(await api.subscribe(consumer, producer))).toMatchObject({ status: 403, kind: 'forbidden' });
    expect((await api.call(producer, `DELETE /access/${consumer.id}`)).status).toBe(204);
    await api.subscribed(consumer, producer);
  });

  it('denies has its request rejected, and no new one is taken', async () => {
    const [consumer, producer] = await both();
    await asked(consumer, producer);
    await putAccess(producer, consumer, 'deny');
    expect(await requestsOf(producer)).toMatchObject([{ status: 'rejected' }]);
    expect((await api.subscribe(consumer, producer)).status).toBe(403);
  });

  it('denies while it subscribes is not subscribed afterwards', async () => {
    const [consumer, producer] = [await api.addAccount('consumer'), await api.addAccount('producer')];
    await Promise.all([
      ...Array.from({ length: 4 }, () => api.subscribe(consumer, producer)),
      putAccess(producer, consumer, 'deny'),
      ...Array.from({ length: 4 }, () => api.subscribe(consumer, producer)),
    ]);
    expect(await api.active(consumer)).toEqual([]);
    expect(await isReceiving(consumer, producer)).toBe(false);
  });

  it('revokes loses its subscription and may subscribe again', async () => {
    const [consumer, producer] = [await api.addAccount('consumer'), await api.addAccount('producer')];
    await api.subscribed(consumer, producer);
    const reply = await api.call(producer, `DELETE /subscribers/${consumer.id}`);
    expect(reply.status).toBe(200);
    expect(subscriptionSchema.parse(reply.json)).toMatchObject({ status: 'cancelled', consumer_id: consumer.id });
    expect(await isReceiving(consumer, producer)).toBe(false);
    expect((await api.call(producer, `DELETE /subscribers/${consumer.id}`)).status).toBe(404);
    await api.subscribed(consumer, producer);
  });
});

describe('the list of who is allowed and denied', () => {
  it('is the own one, within its bound; what is said last counts', async () => {
    const producer = await api.addAccount('producer');
    const consumers = await Promise.all(Array.from({ length: entriesPerProducer }, () => api.addAccount('consumer')));
    for (const consumer of consumers) await putAccess(producer, consumer, 'allow');
    const [first] = consumers;
    if (!first) throw new Error('no consumer');
    expect((await putAccess(producer, first, 'deny')).status).toBe(200);
    expect((await putAccess(producer, first, 'deny')).status).toBe(200);
    const oneMore = await putAccess(producer, await api.addAccount('consumer'), 'allow');
    expect(refusal(oneMore)).toMatchObject({ status: 409, message: expect.stringContaining(`${entriesPerProducer}`) });
    const { json } = await api.call(producer, 'GET /access');
    const { items } = pageSchema(accessEntrySchema).parse(json);
    const byId = new Map(items.map(({ consumer_id, access }) => [consumer_id, access]));
    expect(byId).toEqual(new Map(consumers.map(({ id }) => [id, id === first.id ? 'deny' : 'allow'])));
    expect((await api.call(await api.addAccount('producer'), 'GET /access')).json).toMatchObject({ items: [] });
  });

  it('keeps to its bound also when many are added at once', async () => {
    const producer = await api.addAccount('producer');
    const consumers = await Promise.all(
      Array.from({ length: 8 * entriesPerProducer }, () => api.addAccount('consumer')),
    );
    const replies = await Promise.all(consumers.map((consumer) => putAccess(producer, consumer, 'allow')));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(entriesPerProducer);
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(7 * entriesPerProducer);
  });

  it('tells the username only of a consumer who came to this producer, not of any id', async () => {
    const producer = await api.addAccount('producer');
    const [stranger, subscriber, asking] = [
      await api.addAccount('consumer'),
      await api.addAccount('consumer'),
      await api.addAccount('consumer'),
    ];
    await api.subscribed(subscriber, producer);
    await putListing(producer, { approval: 'by-producer' });
    await asked(asking, producer);
    const nameOf = async (consumer: ApiAccount) =>
      accessEntrySchema.parse((await putAccess(producer, consumer, 'deny')).json).consumer_username;
    expect(await nameOf(stranger)).toBeNull();
    expect(await nameOf(subscriber)).toBe(subscriber.username);
    expect(await nameOf(asking)).toBe(asking.username);
    const { items } = pageSchema(accessEntrySchema).parse((await api.call(producer, 'GET /access')).json);
    expect(new Map(items.map((entry) => [entry.consumer_id, entry.consumer_username]))).toEqual(
      new Map([
        [stranger.id, null],
        [subscriber.id, subscriber.username],
        [asking.id, asking.username],
      ]),
    );
  });

  it('takes consumers only, and the two words', async () => {
    const [producer, other] = [await api.addAccount('producer'), await api.addAccount('producer')];
    expect(refusal(await putAccess(producer, other, 'allow'))).toMatchObject({ status: 404 });
    expect((await api.call(producer, 'PUT /access/999999999', { access: 'deny' })).status).toBe(404);
    expect(refusal(await putAccess(producer, await api.addAccount('consumer'), 'maybe'))).toMatchObject({
      status: 400,
      paths: ['access'],
    });
    expect((await api.call(producer, 'DELETE /access/999999999')).status).toBe(404);
    const consumer = await api.addAccount('consumer');
    for (const route of ['GET /access', `PUT /access/${consumer.id}`, `DELETE /subscribers/${consumer.id}`]) {
      const body = route.startsWith('PUT') ? { access: 'deny' } : undefined;
      expect((await api.call(consumer, route, body)).status).toBe(403);
    }
  });
});

describe('old plans', () => {
  it('are deleted a day after they ended if nobody ever had them', async () => {
    const [consumer, producer] = [await api.addAccount('consumer'), await api.addAccount('producer')];
    const [unused, used] = [await api.offered(producer, paid), await api.offered(producer, free)];
    await api.subscribed(consumer, producer);
    for (const { id } of [unused, used]) await api.call(producer, `DELETE /plans/${id}`);
    await endPlans(api.context);
    const kept = async () =>
      (await api.context.database.db.select({ id: plans.id }).from(plans)).map(({ id }) => String(id));
    await purge(api.context.database);
    expect(await kept()).toEqual(expect.arrayContaining([unused.id, used.id]));
    for (const { id } of [unused, used]) await api.passNotice(id, 2);
    await purge(api.context.database);
    expect(await kept()).not.toContain(unused.id);
    expect(await kept()).toContain(used.id);
  });
});
