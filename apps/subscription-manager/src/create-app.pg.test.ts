import { rightsOutbox, sessions, subscriptions } from '@motience/database';
import {
  namedSubscriptionSchema,
  pageSchema,
  type Role,
  type Subscription,
  subscriptionSchema,
} from '@motience/protocol';
import type { Right, RightsStore } from '@motience/stream-log';
import { issueToken, secretSigningKey } from '@motience/tokens';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ApiAccount, type ApiCall, callApi, jwtSecret, refusal } from '../../../tests/support/api-under-test.ts';
import type { Context } from './context.ts';
import { addSubscription } from './services/add-subscription.ts';
import { endSubscription } from './services/end-subscription.ts';
import { type SubscriptionManager, startSubscriptionManager } from './testing/start-subscription-manager.ts';

const limit = 5;
/** More than any other test makes of one consumer. */
const changesPerMinute = 41;
const pageOfSubscriptions = pageSchema(namedSubscriptionSchema);

let manager: SubscriptionManager;
let context: Context;
let rights: RightsStore;

beforeAll(async () => {
  manager = await startSubscriptionManager({
    SUBSCRIPTIONS_PER_CONSUMER: String(limit),
    SUBSCRIPTION_CHANGES_PER_MINUTE: String(changesPerMinute),
  });
  ({ context, rights } = manager);
});

afterAll(() => manager?.stop());

const addAccount = (role: Role) => manager.addAccount(role);

const call = (as: ApiAccount | undefined, route: string, { body, headers = {} }: ApiCall = {}) =>
  callApi(manager.url, route, { token: as?.token, body, headers });

const subscribe = (as: ApiAccount, producerId: string | number) =>
  call(as, 'POST /subscribe', { body: { producer_id: producerId } });

async function subscribed(as: ApiAccount, producer: ApiAccount): Promise<Subscription> {
  const { status, json } = await subscribe(as, producer.id);
  expect(status).toBe(201);
  return subscriptionSchema.parse(json);
}

/** However they ended. */
const subscriptionCount = (consumer: ApiAccount) =>
  context.database.db.$count(subscriptions, eq(subscriptions.consumerId, BigInt(consumer.id)));

const rightOf = (consumer: ApiAccount, producer: ApiAccount): Right => ({
  kind: 'subscription',
  accountId: consumer.id,
  item: producer.id,
});

describe('POST /subscribe', () => {
  it('answers 201 with the subscription, which is in Redis by then', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const subscription = await subscribed(consumer, producer);
    expect(subscription).toMatchObject({
      consumer_id: consumer.id,
      producer_id: producer.id,
      status: 'active',
      ended_at: null,
    });
    expect(await rights.has(rightOf(consumer, producer))).toBe(true);
  });

  it('answers 200 with the same subscription when it is already active', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const first = await subscribed(consumer, producer);
    const again = await subscribe(consumer, Number(producer.id));
    expect(again).toMatchObject({ status: 200, json: first });
  });

  it('makes one subscription when asked many times at once', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const replies = await Promise.all(Array.from({ length: 12 }, () => subscribe(consumer, producer.id)));
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array(11).fill(200), 201]);
    expect(new Set(replies.map(({ json }) => subscriptionSchema.parse(json).id)).size).toBe(1);
    expect(await subscriptionCount(consumer)).toBe(1);
  });

  it('keeps to the limit of subscriptions per consumer when asked for more at once, and names it', async () => {
    const consumer = await addAccount('consumer');
    const producers = await Promise.all(Array.from({ length: limit + 4 }, () => addAccount('producer')));
    const replies = await Promise.all(producers.map(({ id }) => subscribe(consumer, id)));
    const refused = replies.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(4);
    for (const reply of refused) {
      expect(reply.status).toBe(409);
      expect(refusal(reply)).toMatchObject({ kind: 'conflict', message: expect.stringContaining(`${limit}`) });
    }
    expect(await subscriptionCount(consumer)).toBe(limit);
    const [kept] = replies.filter(({ status }) => status === 201);
    await call(consumer, 'DELETE /unsubscribe', {
      body: { producer_id: subscriptionSchema.parse(kept?.json).producer_id },
    });
    expect((await subscribe(consumer, (await addAccount('producer')).id)).status).toBe(201);
  });

  it('takes consumer_id if it is the own one, and refuses another one', async () => {
    const [consumer, other, producer] = [
      await addAccount('consumer'),
      await addAccount('consumer'),
      await addAccount('producer'),
    ];
    const body = { producer_id: producer.id, consumer_id: other.id };
    const foreign = await call(consumer, 'POST /subscribe', { body });
    expect(foreign.status).toBe(403);
    expect(refusal(foreign).kind).toBe('forbidden');
    expect(await subscriptionCount(consumer)).toBe(0);
    expect(await subscriptionCount(other)).toBe(0);
    const own = await call(consumer, 'POST /subscribe', { body: { ...body, consumer_id: Number(consumer.id) } });
    expect(own.status).toBe(201);
  });

  it('says not-found for a producer that does not exist, and for an account that is none', async () => {
    const [consumer, other] = [await addAccount('consumer'), await addAccount('consumer')];
    for (const id of ['999999999', '9223372036854775807', other.id]) {
      const reply = await subscribe(consumer, id);
      expect(reply.status).toBe(404);
      expect(refusal(reply).kind).toBe('not-found');
    }
  });

  it('is forbidden to producers and admins', async () => {
    const producer = await addAccount('producer');
    for (const account of [producer, await addAccount('admin')]) {
      const reply = await subscribe(account, producer.id);
      expect(reply.status).toBe(403);
      expect(refusal(reply).kind).toBe('forbidden');
    }
  });

  it.each([
    ['no field', {}, 'producer_id'],
    ['a number that is no id', { producer_id: 0 }, 'producer_id'],
    ['a fraction', { producer_id: 1.5 }, 'producer_id'],
    ['a number past 2^53', { producer_id: 2 ** 60 }, 'producer_id'],
    ['an id past 2^63', { producer_id: '9223372036854775808' }, 'producer_id'],
    ['a negative id', { producer_id: '-1' }, 'producer_id'],
    ['SQL', { producer_id: "1' or '1'='1" }, 'producer_id'],
    ['an object', { producer_id: { id: 1 } }, 'producer_id'],
    ['null', { producer_id: null }, 'producer_id'],
    ['an unknown field', { producer_id: '1', status: 'active' }, 'status'],
    ['a wrong consumer_id', { producer_id: '1', consumer_id: 'me' }, 'consumer_id'],
  ])('refuses %s and names the field', async (_what, body, path) => {
    const reply = await call(await addAccount('consumer'), 'POST /subscribe', { body });
    expect(reply.status).toBe(400);
    expect(refusal(reply)).toMatchObject({ kind: 'invalid-request', paths: [path] });
  });

  it.each([
    ['text that is not JSON', { body: '{"producer_id":' }, 400, 'invalid-request'],
    ['an array', { body: '["1"]' }, 400, 'invalid-request'],
    ['no body', {}, 400, 'invalid-request'],
    [
      'a form',
      { body: 'producer_id=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'unsupported-media',
    ],
    ['a body past the limit', { body: `{"producer_id":"${'1'.repeat(70_000)}"}` }, 413, 'too-large'],
  ])('refuses %s', async (_what, options, status, kind) => {
    const reply = await call(await addAccount('consumer'), 'POST /subscribe', options);
    expect(reply.status).toBe(status);
    expect(refusal(reply).kind).toBe(kind);
  });
});

describe('DELETE /unsubscribe', () => {
  it.each(['body', 'query'])('ends the subscription named in the %s; by the reply Redis knows', async (where) => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const { id } = await subscribed(consumer, producer);
    const reply = await (where === 'body'
      ? call(consumer, 'DELETE /unsubscribe', { body: { producer_id: Number(producer.id) } })
      : call(consumer, `DELETE /unsubscribe?producer_id=${producer.id}`));
    expect(reply.status).toBe(200);
    const ended = subscriptionSchema.parse(reply.json);
    expect(ended).toMatchObject({ id, status: 'cancelled', ended_at: expect.any(String) });
    expect(await rights.has(rightOf(consumer, producer))).toBe(false);
  });

  it('says not-found the second time, and a new subscription can be made', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const first = await subscribed(consumer, producer);
    const route = `DELETE /unsubscribe?producer_id=${producer.id}`;
    expect((await call(consumer, route)).status).toBe(200);
    const again = await call(consumer, route);
    expect(again.status).toBe(404);
    expect(refusal(again).kind).toBe('not-found');
    const second = await subscribed(consumer, producer);
    expect(second.id).not.toBe(first.id);
    expect(await rights.has(rightOf(consumer, producer))).toBe(true);
  });

  it("leaves another consumer's subscription alone, also when it is named", async () => {
    const [owner, other, producer] = [
      await addAccount('consumer'),
      await addAccount('consumer'),
      await addAccount('producer'),
    ];
    await subscribed(owner, producer);
    expect((await call(other, `DELETE /unsubscribe?producer_id=${producer.id}`)).status).toBe(404);
    for (const options of [
      { route: `DELETE /unsubscribe?producer_id=${producer.id}&consumer_id=${owner.id}`, body: undefined },
      { route: 'DELETE /unsubscribe', body: { producer_id: producer.id, consumer_id: owner.id } },
    ]) {
      expect((await call(other, options.route, { body: options.body })).status).toBe(403);
    }
    expect(await rights.has(rightOf(owner, producer))).toBe(true);
  });

  it('refuses a request that names no producer, a wrong one, or two', async () => {
    const consumer = await addAccount('consumer');
    for (const [route, body] of [
      ['DELETE /unsubscribe', undefined],
      ['DELETE /unsubscribe', {}],
      ['DELETE /unsubscribe?producer_id=x', undefined],
      ['DELETE /unsubscribe', { producer_id: 'x' }],
      ['DELETE /unsubscribe?producer_id=1', { producer_id: 2 }],
    ] as const) {
      const reply = await call(consumer, route, { body });
      expect(reply.status).toBe(400);
      expect(refusal(reply)).toMatchObject({ kind: 'invalid-request', paths: ['producer_id'] });
    }
  });

  it('ends it once when asked many times at once', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    await subscribed(consumer, producer);
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => call(consumer, `DELETE /unsubscribe?producer_id=${producer.id}`)),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(404)]);
  });

  it('leaves Redis as PostgreSQL is after subscribing and unsubscribing at once', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([
        subscribe(consumer, producer.id),
        call(consumer, `DELETE /unsubscribe?producer_id=${producer.id}`),
        subscribe(consumer, producer.id),
      ]);
      const { json } = await call(consumer, `GET /subscriptions/${consumer.id}`);
      const active = pageOfSubscriptions.parse(json).items.length;
      expect(await rights.has(rightOf(consumer, producer))).toBe(active === 1);
    }
  });
});

describe('changes of subscriptions', () => {
  it('are so many per account and minute; one more is told the limit and the wait, and is not made', async () => {
    const [consumer, producer, other] = [
      await addAccount('consumer'),
      await addAccount('producer'),
      await addAccount('consumer'),
    ];
    const unsubscribe = () => call(consumer, `DELETE /unsubscribe?producer_id=${producer.id}`);
    const expectLimited = (reply: Awaited<ReturnType<typeof call>>) => {
      expect(reply.status).toBe(429);
      const message = expect.stringContaining(`${changesPerMinute} changes of subscriptions per account`);
      expect(refusal(reply)).toMatchObject({ kind: 'rate-limited', message });
      const wait = Number(reply.headers.get('retry-after'));
      expect(wait).toBeGreaterThanOrEqual(1);
      expect(wait).toBeLessThanOrEqual(60);
    };
    for (let made = 1; made < changesPerMinute; made += 2) {
      await subscribed(consumer, producer);
      expect((await unsubscribe()).status).toBe(200);
      // What changes nothing is free.
      expect((await unsubscribe()).status).toBe(404);
    }
    await subscribed(consumer, producer);
    expect((await subscribe(consumer, producer.id)).status).toBe(200);
    expectLimited(await unsubscribe());
    expectLimited(await subscribe(consumer, (await addAccount('producer')).id));
    const { json } = await call(consumer, `GET /subscriptions/${consumer.id}`);
    expect(pageOfSubscriptions.parse(json).items.map(({ producer_id }) => producer_id)).toEqual([producer.id]);
    await subscribed(other, producer);
  });
});

describe('a change whose process dies before it reaches Redis', () => {
  it('is noted in the same transaction, so that another process brings it there', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const pair = { consumerId: consumer.id, producerId: producer.id };
    const noted = () => context.database.db.$count(rightsOutbox, eq(rightsOutbox.item, producer.id));
    await addSubscription(context, pair);
    expect(await noted()).toBe(1);
    await endSubscription(context, { ...pair, by: 'consumer' });
    expect(await noted()).toBe(2);
  });
});

describe('the lists', () => {
  it('show active subscriptions with both names, to the consumer, the producer and an admin', async () => {
    const [consumer, producer, former] = [
      await addAccount('consumer'),
      await addAccount('producer'),
      await addAccount('producer'),
    ];
    const subscription = await subscribed(consumer, producer);
    await subscribed(consumer, former);
    await call(consumer, `DELETE /unsubscribe?producer_id=${former.id}`);
    const expected = {
      items: [
        { ...subscription, plan: null, consumer_username: consumer.username, producer_username: producer.username },
      ],
      next_cursor: null,
    };
    const admin = await addAccount('admin');
    for (const [as, route] of [
      [consumer, `GET /subscriptions/${consumer.id}`],
      [admin, `GET /subscriptions/${consumer.id}`],
      [producer, `GET /subscribers/${producer.id}`],
      [admin, `GET /subscribers/${producer.id}`],
    ] as const) {
      expect(await call(as, route)).toMatchObject({ status: 200, json: expected });
    }
    expect(await call(producer, `GET /subscribers/${former.id}`)).toMatchObject({ status: 403 });
    expect(await call(former, `GET /subscribers/${former.id}`)).toMatchObject({
      status: 200,
      json: { items: [], next_cursor: null },
    });
  });

  it('are refused to everyone else', async () => {
    const [consumer, other, producer] = [
      await addAccount('consumer'),
      await addAccount('consumer'),
      await addAccount('producer'),
    ];
    await subscribed(consumer, producer);
    for (const [as, route] of [
      [other, `GET /subscriptions/${consumer.id}`],
      [producer, `GET /subscriptions/${consumer.id}`],
      [consumer, `GET /subscribers/${producer.id}`],
      [consumer, 'GET /subscriptions/999999999'],
    ] as const) {
      const reply = await call(as, route);
      expect(reply.status).toBe(403);
      expect(refusal(reply).kind).toBe('forbidden');
    }
  });

  it('come in pages that together hold everything once', async () => {
    const consumer = await addAccount('consumer');
    const producers = await Promise.all(Array.from({ length: 5 }, () => addAccount('producer')));
    for (const producer of producers) await subscribed(consumer, producer);
    const seen: string[] = [];
    let cursor: string | null = '';
    let pages = 0;
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { json } = await call(consumer, `GET /subscriptions/${consumer.id}?limit=2${query}`);
      const page = pageOfSubscriptions.parse(json);
      seen.push(...page.items.map(({ producer_id }) => producer_id));
      cursor = page.next_cursor;
      pages += 1;
    }
    expect(pages).toBe(3);
    expect(seen).toEqual(producers.map(({ id }) => id));
  });

  it('tell an admin when there is no such consumer or producer', async () => {
    const [admin, producer] = [await addAccount('admin'), await addAccount('producer')];
    for (const route of ['GET /subscribers/999999999', `GET /subscriptions/${producer.id}`]) {
      expect((await call(admin, route)).status).toBe(404);
    }
  });

  it.each(['limit=0', 'limit=201', 'limit=x', 'cursor=abc', 'cursor=-1', `cursor=${'9'.repeat(30)}`])(
    'refuse ?%s and name the field',
    async (query) => {
      const consumer = await addAccount('consumer');
      const reply = await call(consumer, `GET /subscriptions/${consumer.id}?${query}`);
      expect(reply.status).toBe(400);
      expect(refusal(reply)).toMatchObject({ kind: 'invalid-request', paths: [query.split('=')[0]] });
    },
  );

  it('refuse an id that is none', async () => {
    const consumer = await addAccount('consumer');
    for (const route of ['GET /subscriptions/me', 'GET /subscribers/0', "GET /subscriptions/1'--"]) {
      expect((await call(consumer, route)).status).toBe(400);
    }
  });
});

describe('every route', () => {
  const routes = ['POST /subscribe', 'DELETE /unsubscribe', 'GET /subscriptions/1', 'GET /subscribers/1'];

  it.each(routes)('%s wants an access token of a session that lives', async (route) => {
    const account = await addAccount('consumer');
    const forged = await issueToken(
      secretSigningKey('another secret, also long enough for it'),
      { accountId: account.id, role: 'consumer', sessionId: account.sessionId },
      600,
    );
    for (const as of [undefined, { ...account, token: forged }, { ...account, token: 'nonsense' }]) {
      const reply = await call(as, route);
      expect(reply.status).toBe(401);
      expect(refusal(reply).kind).toBe('unauthenticated');
    }
    const subject = { accountId: account.id, role: 'consumer', sessionId: account.sessionId } as const;
    const expired = await issueToken(secretSigningKey(jwtSecret), subject, -5);
    expect(refusal(await call({ ...account, token: expired }, route)).kind).toBe('token-expired');

    await context.database.db.update(sessions).set({ revokedAt: new Date() }).where(eq(sessions.id, account.sessionId));
    expect(refusal(await call(account, route)).kind).toBe('unauthenticated');
  });

  it('refuses other methods and unknown paths', async () => {
    const consumer = await addAccount('consumer');
    expect(refusal(await call(consumer, 'GET /subscribe')).kind).toBe('method-not-allowed');
    expect(refusal(await call(consumer, 'GET /nothing')).kind).toBe('not-found');
  });

  it('is described by /openapi.json', async () => {
    const { json } = await call(undefined, 'GET /openapi.json');
    expect(json).toMatchObject({
      paths: {
        '/subscribe': { post: { requestBody: expect.anything(), responses: { 201: expect.anything() } } },
        '/unsubscribe': { delete: expect.anything() },
        '/subscriptions/{consumerId}': { get: expect.anything() },
        '/subscribers/{producerId}': { get: expect.anything() },
      },
    });
  });

  it('reports readiness by its parts', async () => {
    await vi.waitFor(async () => {
      const { status, json } = await call(undefined, 'GET /ready');
      expect(status).toBe(200);
      expect(json).toMatchObject({ parts: { postgres: { ok: true }, redis: { ok: true } } });
    }, 30_000);
  });
});
