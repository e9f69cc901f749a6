import { plans, subscriptions } from '@motience/database';
import { pageSchema, paymentRequiredSchema, planSchema, plansSchema } from '@motience/protocol';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { type ApiAccount, refusal } from '../../../tests/support/api-under-test.ts';
import { endPlans } from './services/end-plans.ts';
import { type SubscriptionManager, startSubscriptionManager } from './testing/start-subscription-manager.ts';

const plansPerProducer = 6;
const free = { name: 'Free', terms: { kind: 'free' } };
const paid = { name: 'By the reading', terms: { kind: 'per-reading', price: '0.000001', currency: 'EUR' } };
const withNotice = { name: 'Long', terms: { ...paid.terms, minimum_notice_days: 30 } };
const dayMs = 86_400_000;

let api: SubscriptionManager;
beforeAll(async () => {
  api = await startSubscriptionManager({ PLANS_PER_PRODUCER: String(plansPerProducer) });
});
afterAll(() => api.stop());

const both = async (): Promise<[ApiAccount, ApiAccount]> => [
  await api.addAccount('consumer'),
  await api.addAccount('producer'),
];
const withdraw = async (as: ApiAccount, id: string) =>
  planSchema.parse((await api.call(as, `DELETE /plans/${id}`)).json);
const succeed = async (as: ApiAccount, id: string, plan: unknown) =>
  z
    .object({ withdrawn: planSchema, successor: planSchema })
    .parse((await api.call(as, `POST /plans/${id}/successor`, plan)).json);
const noticeOf = ({ withdrawn_at, ends_at }: z.infer<typeof planSchema>) =>
  (Date.parse(ends_at ?? '') - Date.parse(withdrawn_at ?? '')) / dayMs;
const rowsOf = (consumer: ApiAccount) =>
  api.context.database.db
    .select()
    .from(subscriptions)
    .where(eq(subscriptions.consumerId, BigInt(consumer.id)))
    .orderBy(subscriptions.id);

describe('POST /plans', () => {
  it('offers a plan, to everybody, with its amounts as they were given', async () => {
    const producer = await api.addAccount('producer');
    const terms = {
      kind: 'monthly',
      price: '12.50',
      quota_readings: 1000,
      beyond_quota: { price_per_1000_readings: '9223372036854.775807' },
      currency: 'CHF',
      trial: { minutes: 30 },
      maximum_monthly_charge: '100.00',
      minimum_notice_days: 14,
    };
    const plan = await api.offered(producer, { name: 'All of it', terms, max_silence_seconds: 60 });
    expect(plan).toMatchObject({ producer_id: producer.id, status: 'offered', terms, max_silence_seconds: 60 });
    const { json } = await api.call(undefined, `GET /producers/${producer.id}/plans`);
    expect(plansSchema.parse(json)).toEqual({ items: [plan] });
  });

  const terms = paid.terms;
  it.each([
    ['a negative amount', { name: 'x', terms: { ...terms, price: '-1' } }, 'terms.price'],
    ['nothing as the price', { name: 'x', terms: { ...terms, price: '0' } }, 'terms.price'],
    [
      'an amount past what an account holds',
      { name: 'x', terms: { ...terms, price: '9223372036854.775808' } },
      'terms.price',
    ],
    ['an amount that is not exact', { name: 'x', terms: { ...terms, price: 0.1 } }, 'terms.price'],
    ['seven decimals', { name: 'x', terms: { ...terms, price: '0.0000001' } }, 'terms.price'],
    ['an unknown currency', { name: 'x', terms: { ...terms, currency: 'XXX' } }, 'terms.currency'],
    ['an unknown kind', { name: 'x', terms: { kind: 'gift' } }, 'terms.kind'],
    ['a price on a free plan', { name: 'x', terms: { kind: 'free', price: '1' } }, 'terms.price'],
    ['a negative notice', { name: 'x', terms: { kind: 'free', minimum_notice_days: -1 } }, 'terms.minimum_notice_days'],
    ['an empty name', { name: '', terms: { kind: 'free' } }, 'name'],
    ['no time as the promise', { ...paid, max_silence_seconds: 0 }, 'max_silence_seconds'],
    ['more than a year as the promise', { ...paid, max_silence_seconds: 2 ** 31 }, 'max_silence_seconds'],
    ['an unknown field', { ...paid, producer_id: '1' }, 'producer_id'],
  ])('refuses %s and names the field', async (_what, plan, path) => {
    const reply = await api.call(await api.addAccount('producer'), 'POST /plans', plan);
    expect(refusal(reply)).toMatchObject({ status: 400, kind: 'invalid-request', paths: [path] });
  });

  it('is for producers', async () => {
    for (const role of ['consumer', 'admin'] as const) {
      expect(refusal(await api.call(await api.addAccount(role), 'POST /plans', free))).toMatchObject({ status: 403 });
    }
    expect(refusal(await api.call(undefined, 'POST /plans', free))).toMatchObject({ status: 401 });
  });

  it('keeps to the number of plans a producer may have, however many come at once, and counts those with notice', async () => {
    const [consumer, producer] = await both();
    const kept = await api.offered(producer, withNotice);
    await api.subscribed(consumer, producer, kept.id);
    const more = await Promise.all(
      Array.from({ length: plansPerProducer + 2 }, () => api.call(producer, 'POST /plans', paid)),
    );
    expect(more.filter(({ status }) => status === 201)).toHaveLength(plansPerProducer - 1);
    const refused = more.filter(({ status }) => status !== 201).map(refusal);
    expect(new Set(refused.map(({ kind }) => kind))).toEqual(new Set(['conflict']));
    await withdraw(producer, kept.id);
    expect((await api.call(producer, 'POST /plans', paid)).status).toBe(409);
    await withdraw(producer, planSchema.parse(more.find(({ status }) => status === 201)?.json).id);
    expect((await api.call(producer, 'POST /plans', paid)).status).toBe(201);
  });

  it('lists the own plans, also withdrawn ones, and to others only what is offered', async () => {
    const [producer, other] = [await api.addAccount('producer'), await api.addAccount('producer')];
    const [first, second] = [await api.offered(producer, free), await api.offered(producer, paid)];
    await withdraw(producer, first.id);
    const own = pageSchema(planSchema).parse((await api.call(producer, 'GET /plans')).json);
    expect(own.items.map(({ id, status }) => [id, status])).toEqual([
      [first.id, 'withdrawn'],
      [second.id, 'offered'],
    ]);
    expect((await api.call(other, 'GET /plans')).json).toMatchObject({ items: [] });
    const { json } = await api.call(undefined, `GET /producers/${producer.id}/plans`);
    expect(plansSchema.parse(json).items).toEqual([second]);
    expect((await api.call(undefined, 'GET /producers/999999999/plans')).status).toBe(404);
  });
});

describe('a plan', () => {
  it('is never edited, whoever tries', async () => {
    const { id } = await api.offered(await api.addAccount('producer'), paid);
    const edits = [{ name: 'Other' }, { terms: free.terms }, { maxSilenceSeconds: 5 }];
    for (const edit of edits) {
      await expect(
        api.context.database.db
          .update(plans)
          .set(edit)
          .where(eq(plans.id, BigInt(id))),
      ).rejects.toMatchObject({
        cause: { message: expect.stringContaining('never edited') },
      });
    }
  });

  it("is another producer's to everybody else", async () => {
    const [producer, other] = [await api.addAccount('producer'), await api.addAccount('producer')];
    const { id } = await api.offered(producer, paid);
    expect(refusal(await api.call(other, `DELETE /plans/${id}`))).toMatchObject({ status: 404 });
    expect(refusal(await api.call(other, `POST /plans/${id}/successor`, paid))).toMatchObject({ status: 404 });
    expect((await api.call(producer, 'GET /plans')).json).toMatchObject({ items: [{ status: 'offered' }] });
  });

  it('that nobody has ends at once, whatever its notice; withdrawing it again answers the same', async () => {
    const producer = await api.addAccount('producer');
    const { id } = await api.offered(producer, withNotice);
    const withdrawn = await withdraw(producer, id);
    expect(withdrawn.status).toBe('withdrawn');
    expect(noticeOf(withdrawn)).toBeLessThan(0.001);
    expect(await withdraw(producer, id)).toEqual(withdrawn);
    expect(refusal(await api.call(producer, `POST /plans/${id}/successor`, paid))).toMatchObject({ kind: 'conflict' });
  });

  it('that someone has ends when its notice has passed', async () => {
    const [consumer, producer] = await both();
    const { id } = await api.offered(producer, withNotice);
    await api.subscribed(consumer, producer, id);
    const withdrawn = await withdraw(producer, id);
    expect(noticeOf(withdrawn)).toBeCloseTo(30, 3);
    await endPlans(api.context);
    expect(await api.active(consumer)).toMatchObject([{ plan_id: id, plan: withdrawn }]);
  });

  it('that promises no notice is succeeded by one that costs after a day, by a free one at once', async () => {
    const [consumer, producer] = await both();
    const { id } = await api.offered(producer, paid);
    await api.subscribed(consumer, producer, id);
    const dearer = { ...paid, terms: { ...paid.terms, price: '9999' } };
    const { withdrawn, successor } = await succeed(producer, id, dearer);
    expect(noticeOf(withdrawn)).toBeCloseTo(1, 3);
    await endPlans(api.context);
    expect(await api.active(consumer)).toMatchObject([{ plan_id: id }]);
    // Not by way of a second one either.
    expect(noticeOf((await succeed(producer, successor.id, dearer)).withdrawn)).toBeCloseTo(1, 3);

    const [other, itsProducer] = await both();
    const former = await api.offered(itsProducer, paid);
    await api.subscribed(other, itsProducer, former.id);
    expect(noticeOf((await succeed(itsProducer, former.id, free)).withdrawn)).toBeLessThan(0.001);
    const unused = await api.offered(itsProducer, paid);
    expect(noticeOf((await succeed(itsProducer, unused.id, dearer)).withdrawn)).toBeLessThan(0.001);
  });

  it('is succeeded in the same currency only', async () => {
    const producer = await api.addAccount('producer');
    const { id } = await api.offered(producer, paid);
    const dollars = { ...paid, terms: { ...paid.terms, currency: 'USD' } };
    const reply = await api.call(producer, `POST /plans/${id}/successor`, dollars);
    expect(refusal(reply)).toMatchObject({ kind: 'invalid-request', paths: ['terms.currency'] });
    expect((await api.call(producer, 'GET /plans')).json).toMatchObject({ items: [{ status: 'offered' }] });
  });
});

describe('POST /subscribe', () => {
  it('takes a free plan where one is offered, and none where the producer never had any', async () => {
    const [consumer, producer] = await both();
    expect(await api.subscribed(consumer, producer)).toMatchObject({ plan_id: null });
    const other = await api.addAccount('producer');
    await api.offered(other, paid);
    const plan = await api.offered(other, free);
    expect(await api.subscribed(consumer, other)).toMatchObject({ plan_id: plan.id });
  });

  it('charges nobody who has not named a plan: 402 with the plans', async () => {
    const [consumer, producer] = await both();
    const [first, second] = [await api.offered(producer, paid), await api.offered(producer, withNotice)];
    const { status, json } = await api.subscribe(consumer, producer);
    expect(status).toBe(402);
    expect(paymentRequiredSchema.parse(json).error).toMatchObject({ kind: 'payment-required', plans: [first, second] });
    expect(await rowsOf(consumer)).toEqual([]);
    expect(await api.subscribed(consumer, producer, second.id)).toMatchObject({ plan_id: second.id });
  });

  it('does not give away the stream of a producer who withdrew all plans', async () => {
    const [consumer, producer] = await both();
    await withdraw(producer, (await api.offered(producer, paid)).id);
    const { status, json } = await api.subscribe(consumer, producer);
    expect(status).toBe(402);
    expect(paymentRequiredSchema.parse(json).error.plans).toEqual([]);
  });

  it('takes no plan of another producer, no withdrawn and no unknown one, and names the field', async () => {
    const [consumer, producer] = await both();
    const foreign = await api.offered(await api.addAccount('producer'), free);
    const former = await api.offered(producer, free);
    await withdraw(producer, former.id);
    for (const planId of [foreign.id, former.id, '999999999', '9223372036854775807']) {
      const reply = await api.subscribe(consumer, producer, planId);
      expect(refusal(reply)).toMatchObject({ status: 404, kind: 'not-found', paths: ['plan_id'] });
    }
    for (const planId of ['x', '-1', '0', '9223372036854775808']) {
      const reply = await api.subscribe(consumer, producer, planId);
      expect(refusal(reply)).toMatchObject({ status: 400, kind: 'invalid-request', paths: ['plan_id'] });
    }
    expect(await rowsOf(consumer)).toEqual([]);
  });

  it('answers 200 with the active one for the same plan or none, also when that plan is not offered any more', async () => {
    const [consumer, producer] = await both();
    const { id } = await api.offered(producer, withNotice);
    const subscription = await api.subscribed(consumer, producer, id);
    await withdraw(producer, id);
    for (const planId of [id, undefined]) {
      expect(await api.subscribe(consumer, producer, planId)).toMatchObject({ status: 200, json: subscription });
    }
  });

  it('changes the plan at one instant, and the right with it', async () => {
    const [consumer, producer] = await both();
    const [first, second] = [await api.offered(producer, free), await api.offered(producer, paid)];
    await api.subscribed(consumer, producer, first.id);
    const before = await api.rights.entitlement('subscription', consumer.id, producer.id);
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(before?.since ?? 0), 30_000);
    expect(await api.subscribed(consumer, producer, second.id)).toMatchObject({ plan_id: second.id });
    const [old, current] = await rowsOf(consumer);
    expect(old).toMatchObject({ status: 'cancelled', planId: BigInt(first.id) });
    expect(current).toMatchObject({ status: 'active', planId: BigInt(second.id), createdAt: old?.endedAt });
    expect(before?.subscriptionId).toBe(String(old?.id));
    const after = await api.rights.entitlement('subscription', consumer.id, producer.id);
    expect(after).toEqual({ since: before?.since, subscriptionId: String(current?.id) });
  });

  it('leaves one subscription when plans are changed many times at once', async () => {
    const [consumer, producer] = await both();
    const [first, second] = [await api.offered(producer, free), await api.offered(producer, paid)];
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, at) => api.subscribe(consumer, producer, at % 2 ? first.id : second.id)),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 201]));
    const rows = await rowsOf(consumer);
    expect(rows.filter(({ status }) => status === 'active')).toHaveLength(1);
    for (const [at, row] of rows.entries()) if (at > 0) expect(row.createdAt).toEqual(rows[at - 1]?.endedAt);
  });

  it('never takes a plan that is withdrawn at the same time without its notice', async () => {
    const [consumer, producer] = await both();
    const { id } = await api.offered(producer, withNotice);
    const [reply, withdrawn] = await Promise.all([api.subscribe(consumer, producer, id), withdraw(producer, id)]);
    if (reply.status === 201) expect(noticeOf(withdrawn)).toBeCloseTo(30, 3);
    else expect(refusal(reply).kind).toBe('not-found');
  });
});

describe('when a plan ends', () => {
  it('its subscribers get its successor at one instant, once, however many processes see to it', async () => {
    const producer = await api.addAccount('producer');
    const { id } = await api.offered(producer, withNotice);
    const consumers = await Promise.all(Array.from({ length: 12 }, () => api.addAccount('consumer')));
    for (const consumer of consumers) await api.subscribed(consumer, producer, id);
    const { withdrawn, successor } = await succeed(producer, id, paid);
    expect(withdrawn).toMatchObject({ status: 'withdrawn', succeeded_by: successor.id });
    await api.passNotice(id);
    await Promise.all([endPlans(api.context), endPlans(api.context), endPlans(api.context)]);
    for (const consumer of consumers) {
      const [old, current, ...more] = await rowsOf(consumer);
      expect(more).toEqual([]);
      expect(old).toMatchObject({ status: 'cancelled', planId: BigInt(id) });
      expect(current).toMatchObject({ status: 'active', planId: BigInt(successor.id), createdAt: old?.endedAt });
      const right = await api.rights.entitlement('subscription', consumer.id, producer.id);
      expect(Math.abs((right?.since ?? 0) - (old?.createdAt.getTime() ?? 0))).toBeLessThanOrEqual(1);
      expect(right?.subscriptionId).toBe(String(current?.id));
    }
  });

  it('without a successor their subscriptions end, and Redis knows', async () => {
    const [consumer, producer] = await both();
    const { id } = await api.offered(producer, paid);
    await api.subscribed(consumer, producer, id);
    await withdraw(producer, id);
    await endPlans(api.context);
    expect(await api.active(consumer)).toEqual([]);
    expect(await api.rights.has({ kind: 'subscription', accountId: consumer.id, item: producer.id })).toBe(false);
  });

  it('nobody gets from a free plan to one that is not', async () => {
    const [consumer, producer] = await both();
    const { id } = await api.offered(producer, free);
    await api.subscribed(consumer, producer);
    await succeed(producer, id, paid);
    await api.passNotice(id);
    await endPlans(api.context);
    expect(await api.active(consumer)).toEqual([]);
    expect((await rowsOf(consumer)).map(({ planId }) => planId)).toEqual([BigInt(id)]);
  });

  it('nobody gets to one in another currency, not by way of a free one either', async () => {
    const [consumer, producer] = await both();
    const first = await api.offered(producer, paid);
    await api.subscribed(consumer, producer, first.id);
    const second = (await succeed(producer, first.id, free)).successor;
    await succeed(producer, second.id, { ...paid, terms: { ...paid.terms, currency: 'USD' } });
    await api.passNotice(second.id);
    await endPlans(api.context);
    expect(await api.active(consumer)).toEqual([]);
    expect((await rowsOf(consumer)).map(({ planId }) => planId)).toEqual([BigInt(first.id)]);
  });

  it('the plan after its successor follows where that one has ended too', async () => {
    const [consumer, producer] = await both();
    const first = await api.offered(producer, withNotice);
    await api.subscribed(consumer, producer, first.id);
    const second = (await succeed(producer, first.id, paid)).successor;
    const third = (await succeed(producer, second.id, free)).successor;
    await api.passNotice(first.id);
    await api.passNotice(second.id);
    await endPlans(api.context);
    expect((await rowsOf(consumer)).map(({ planId }) => planId)).toEqual([BigInt(first.id), BigInt(third.id)]);
  });

  it('a successor is not replaced in less than the notice of those who are on their way to it', async () => {
    const [consumer, producer] = await both();
    const first = await api.offered(producer, withNotice);
    await api.subscribed(consumer, producer, first.id);
    const second = (await succeed(producer, first.id, paid)).successor;
    expect(noticeOf(await withdraw(producer, second.id))).toBeCloseTo(30, 3);
    await api.passNotice(first.id);
    await endPlans(api.context);
    expect(await api.active(consumer)).toMatchObject([{ plan_id: second.id }]);
  });

  it('whoever cannot be moved holds nobody else up', async () => {
    const [[stuck, itsProducer], [consumer, producer]] = [await both(), await both()];
    const former = await api.offered(itsProducer, free);
    await api.subscribed(stuck, itsProducer);
    const { successor } = await succeed(itsProducer, former.id, free);
    await api.context.database.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update plans set terms = '{}' where id = ${successor.id}`;
    });
    const { id } = await api.offered(producer, paid);
    await api.subscribed(consumer, producer, id);
    await withdraw(producer, id);
    await expect(endPlans(api.context)).rejects.toThrow('expected kind');
    expect(await api.active(consumer)).toEqual([]);
    expect(await api.active(stuck)).toMatchObject([{ plan_id: former.id }]);
    await api.call(stuck, `DELETE /unsubscribe?producer_id=${itsProducer.id}`);
  });

  it('whoever changes or ends the subscription at the same time has the last word', async () => {
    const producer = await api.addAccount('producer');
    const { id } = await api.offered(producer, withNotice);
    const other = await api.offered(producer, free);
    const consumers = await Promise.all(Array.from({ length: 6 }, () => api.addAccount('consumer')));
    for (const consumer of consumers) await api.subscribed(consumer, producer, id);
    await succeed(producer, id, paid);
    await api.passNotice(id);
    await Promise.all([
      endPlans(api.context),
      ...consumers.map((consumer, at) =>
        at % 2
          ? api.subscribe(consumer, producer, other.id)
          : api.call(consumer, `DELETE /unsubscribe?producer_id=${producer.id}`),
      ),
    ]);
    for (const [at, consumer] of consumers.entries()) {
      expect((await api.active(consumer)).map(({ plan_id }) => plan_id)).toEqual(at % 2 ? [other.id] : []);
    }
  });

  it('it is closed, so that it is not looked at again; the service sees to it by itself', async () => {
    const [consumer, producer] = await both();
    const { id } = await api.offered(producer, paid);
    await api.subscribed(consumer, producer, id);
    await withdraw(producer, id);
    api.context.start();
    await vi.waitFor(
      async () => {
        const [row] = await api.context.database.db
          .select()
          .from(plans)
          .where(eq(plans.id, BigInt(id)));
        expect(row?.closedAt).not.toBeNull();
      },
      { timeout: 30_000 },
    );
    expect(await api.active(consumer)).toEqual([]);
  });
});
