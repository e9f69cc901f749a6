import { topUps } from '@motience/database';
import { balanceOf, checkBooks, type HoldAccount, hold, type LedgerDatabase } from '@motience/ledger';
import { micros } from '@motience/ledger/pricing';
import { checkoutSchema, topUpPageSchema, walletSchema } from '@motience/protocol';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BillingService, refusalIn, type TestAccount, type TestAnswer } from '../testing/billing-service.ts';
import { StripeStandIn } from '../testing/stripe-stand-in.ts';

let service: BillingService;
let standIn: StripeStandIn;
let consumer: TestAccount;
let events = 0;

beforeAll(async () => {
  standIn = await StripeStandIn.start();
  service = await BillingService.start(standIn.environment);
});

afterAll(async () => {
  try {
    expect((await checkBooks(service.context.database.db)).mismatch).toBeUndefined();
  } finally {
    await service.close();
    await standIn.close();
  }
});

beforeEach(async () => {
  consumer = await service.account('consumer');
  standIn.status = 200;
});

interface TestEvent {
  id: string;
  type: string;
  object: object;
}

const eventOf = (type: string, object: object): TestEvent => ({ id: `evt_${++events}`, type, object });

async function tell(
  { id, type, object }: TestEvent,
  change: { signature?: string; body?: string } = {},
): Promise<TestAnswer> {
  const { body, headers } = standIn.signed({ id, type, object });
  if (change.signature !== undefined) headers['stripe-signature'] = change.signature;
  return service.send('/webhooks/stripe', { method: 'POST', headers, body: change.body ?? body });
}

async function begin(more: object = {}): Promise<{ id: string; payment: string }> {
  const { body } = await service.call('POST', '/top-ups', consumer, { currency: 'EUR', amount: '10', ...more });
  const { id } = checkoutSchema.parse(body).top_up;
  return { id, payment: `pi_${id}` };
}

const paid = ({ id, payment }: { id: string; payment: string }, more: object = {}) =>
  eventOf('checkout.session.completed', {
    object: 'checkout.session',
    metadata: { top_up_id: id },
    payment_status: 'paid',
    payment_intent: payment,
    currency: 'eur',
    amount_total: 1_000,
    ...more,
  });
const refunded = (payment: string, total: number) =>
  eventOf('charge.refunded', { object: 'charge', payment_intent: payment, amount_refunded: total });
const disputed = (payment: string, what: 'withdrawn' | 'reinstated', amount = 1_000) =>
  eventOf(`charge.dispute.funds_${what}`, { object: 'dispute', id: `dp_${payment}`, payment_intent: payment, amount });

async function money(): Promise<string> {
  const wallet = walletSchema.parse((await service.call('GET', '/wallets/EUR', consumer)).body);
  return `${wallet.balance} owes ${wallet.owed}`;
}

/** Has money of the consumer held, so that it is in its wallet no more. */
async function spend(amount: bigint, db: LedgerDatabase = service.context.database.db): Promise<HoldAccount> {
  const held = { kind: 'hold', ownerId: BigInt(consumer.id), currency: 'EUR', name: 'subscription-1' } as const;
  await hold(db, { key: `hold-${consumer.id}`, hold: held, amount: micros(amount) });
  return held;
}

/** Resolves once a connection to the database waits for what another has locked. */
async function untilSomebodyWaits(): Promise<void> {
  await vi.waitFor(
    async () => {
      const waiting = await service.context.database.sql`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      expect(waiting).toHaveLength(1);
    },
    { timeout: 10_000, interval: 10 },
  );
}

describe('a top-up', () => {
  it('leads to a checkout over exactly the amount, the same for the same key', async () => {
    const answers = [];
    for (let round = 0; round < 2; round += 1) {
      const wanted = { currency: 'EUR', amount: '10.50', key: 'once' };
      answers.push(await service.call('POST', '/top-ups', consumer, wanted));
    }
    expect(answers[1]).toEqual(answers[0]);
    const { top_up: topUp, checkout_url: url } = checkoutSchema.parse(answers[0]?.body);
    expect(topUp).toMatchObject({ amount: '10.50', provider: 'stripe', status: 'pending' });
    expect(url).toContain('https://checkout.stripe.test/');
    const requests = standIn.requests.filter(({ body }) => body.get('client_reference_id') === topUp.id);
    expect(new Set(requests.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    expect(Object.fromEntries(requests[0]?.body ?? [])).toMatchObject({
      'line_items[0][price_data][currency]': 'eur',
      'line_items[0][price_data][unit_amount]': '1050',
      'metadata[top_up_id]': topUp.id,
    });
    expect(await money()).toBe('0.00 owes 0.00');
    const other = { currency: 'EUR', amount: '10.51', key: 'once' };
    expect(refusalIn(await service.call('POST', '/top-ups', consumer, other))).toBe('409 conflict key');
  });

  it.each(['10.001', '0.49', '1000000', '-5'])('of %s is refused before Stripe is asked', async (amount) => {
    const before = standIn.requests.length;
    const answer = await service.call('POST', '/top-ups', consumer, { currency: 'EUR', amount });
    expect(refusalIn(answer)).toBe('400 invalid-request amount');
    expect(standIn.requests).toHaveLength(before);
  });

  it('can be begun twenty times a day without being paid, and the oldest are forgotten', async () => {
    const { sql } = service.context.database;
    const wanted = { currency: 'EUR', amount: '10' };
    const another = (key?: string) => service.call('POST', '/top-ups', consumer, { ...wanted, key });
    const first = await begin({ key: 'first' });
    const answers = await Promise.all(Array.from({ length: 25 }, () => another()));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(new Set(refused.map(refusalIn))).toEqual(new Set(['429 rate-limited']));
    expect((await another('first')).status).toBe(200);
    expect((await another('new')).status).toBe(429);

    await tell(paid(first));
    expect((await another('new')).status).toBe(200);
    await sql`update top_ups set created_at = now() - interval '25 hours' where account_id = ${consumer.id}`;
    expect((await another()).status).toBe(200);
    await sql`update top_ups set created_at = now() - interval '31 days' where account_id = ${consumer.id}`;
    const last = await begin();
    const { body } = await service.call('GET', '/top-ups', consumer);
    expect(topUpPageSchema.parse(body).items.map(({ id }) => id)).toEqual([last.id, first.id]);
  });

  it('is told to be tried again while Stripe does not work', async () => {
    standIn.status = 500;
    const answer = await service.call('POST', '/top-ups', consumer, { currency: 'EUR', amount: '10' });
    expect(refusalIn(answer)).toBe('503 unavailable');
  });
});

describe('an event', () => {
  it('that a top-up was paid credits it once, however often and under however many names it comes', async () => {
    const topUp = await begin();
    const event = paid(topUp);
    for (let round = 0; round < 3; round += 1)
      expect(await tell(event)).toEqual({ status: 200, body: { received: true } });
    await Promise.all(Array.from({ length: 5 }, () => tell(event)));
    await tell({ ...paid(topUp), type: 'checkout.session.async_payment_succeeded' });
    expect(await money()).toBe('10.00 owes 0.00');
    const answer = await service.call('POST', '/top-ups', consumer, { currency: 'EUR', amount: '10', key: 'x' });
    expect(answer.status).toBe(200);
  });

  it('that a top-up was paid a second time, in another checkout, credits that too, once', async () => {
    const topUp = await begin({ key: 'twice' });
    const again = { ...topUp, payment: `${topUp.payment}_again` };
    // Two checkouts are paid at once.
    await Promise.all([paid(topUp), paid(again), paid(again), paid(topUp)].map((event) => tell(event)));
    expect(await money()).toBe('20.00 owes 0.00');
    for (const each of [topUp, again]) await tell(paid(each));
    expect(await money()).toBe('20.00 owes 0.00');
    // Each is refunded by itself.
    await tell(refunded(again.payment, 1_000));
    expect(await money()).toBe('10.00 owes 0.00');
    await tell(refunded(topUp.payment, 400));
    expect(await money()).toBe('6.00 owes 0.00');
  });

  it('that a top-up was paid a second time credits that, whatever keys the consumer has used', async () => {
    const topUp = await begin({ key: 'mine' });
    const again = { ...topUp, payment: `${topUp.payment}_again` };
    await begin({ key: `mine/${again.payment}`, amount: '1' });
    for (const each of [topUp, again]) expect((await tell(paid(each))).status).toBe(200);
    expect(await money()).toBe('20.00 owes 0.00');
  });

  it('of a session that is not paid yet credits nothing, and one that is over can still be paid', async () => {
    const topUp = await begin();
    await tell(paid(topUp, { payment_status: 'unpaid' }));
    await tell({ ...paid(topUp), type: 'checkout.session.expired' });
    expect(await money()).toBe('0.00 owes 0.00');
    await tell(paid(topUp));
    await tell({ ...paid(topUp), type: 'checkout.session.expired' });
    expect(await money()).toBe('10.00 owes 0.00');
  });

  it('over another amount or currency than was asked for credits nothing', async () => {
    const topUp = await begin();
    await tell(paid(topUp, { amount_total: 999 }));
    await tell(paid(topUp, { currency: 'usd' }));
    expect(await money()).toBe('0.00 owes 0.00');
  });

  it('that Stripe has not signed is refused, also if it was signed for another body or long ago', async () => {
    const topUp = await begin();
    const event = paid(topUp);
    const payload = JSON.stringify(event);
    const old = standIn.signatureOf(payload, { timestamp: 1_700_000_000 });
    const stranger = standIn.signatureOf(payload, { secret: 'whsec_of_a_stranger' });
    for (const change of [
      { signature: '' },
      { signature: 'nonsense' },
      { signature: stranger, body: payload },
      { signature: old, body: payload },
      { signature: standIn.signatureOf(payload), body: `${payload} ` },
    ]) {
      expect(refusalIn(await tell(event, change))).toBe('400 invalid-request');
    }
    expect(await money()).toBe('0.00 owes 0.00');
  });

  it.each(['null', '{}', '[]', '7', '{"id":"evt_1","type":"charge.refunded","data":null}'])(
    'that is none, though it is signed, is refused: %s',
    async (body) => {
      const headers = { 'content-type': 'application/json', 'stripe-signature': standIn.signatureOf(body, {}) };
      const answer = await service.send('/webhooks/stripe', { method: 'POST', headers, body });
      expect(answer.status).toBe(400);
    },
  );

  it('with an id that PostgreSQL cannot hold changes nothing', async () => {
    const topUp = await begin();
    expect((await tell(paid({ ...topUp, payment: 'pi_\0' }))).status).toBe(200);
    expect(await money()).toBe('0.00 owes 0.00');
  });

  it('that is no business of ours is taken and changes nothing', async () => {
    for (const event of [
      eventOf('customer.created', { object: 'customer' }),
      paid({ id: '999999', payment: 'pi_other' }),
      paid({ id: 'of another program', payment: 'pi_other' }),
      eventOf('checkout.session.completed', { object: 'checkout.session' }),
    ]) {
      expect((await tell(event)).status).toBe(200);
    }
  });

  it('of refunds takes back what they add up to, in any order', async () => {
    const topUp = await begin();
    const [first, second] = [refunded(topUp.payment, 300), refunded(topUp.payment, 700)];
    await tell(second);
    expect(await money()).toBe('0.00 owes 0.00');
    await tell(paid(topUp));
    expect(await money()).toBe('3.00 owes 0.00');
    for (const event of [first, second, first]) await tell(event);
    expect(await money()).toBe('3.00 owes 0.00');
    await tell(refunded(topUp.payment, 1_000));
    expect(await money()).toBe('0.00 owes 0.00');
  });

  it('of a dispute takes the money back, and what was spent is owed; the next top-up pays that first', async () => {
    const [topUp, next] = [await begin(), await begin()];
    await tell(paid(topUp));
    const held = await spend(4_000_000n);
    const event = disputed(topUp.payment, 'withdrawn');
    for (let round = 0; round < 2; round += 1) await tell(event);
    expect(await money()).toBe('0.00 owes 4.00');
    await tell(paid(next));
    expect(await money()).toBe('6.00 owes 0.00');
    expect(await balanceOf(service.context.database.db, held)).toBe(4_000_000n);
  });

  it('of a dispute leaves what is owed to be paid back once, however many top-ups come at the same moment', async () => {
    const [admin, topUp] = [await service.account('admin'), await begin()];
    await tell(paid(topUp));
    await spend(4_000_000n);
    await tell(disputed(topUp.payment, 'withdrawn'));
    expect(await money()).toBe('0.00 owes 4.00');
    const wanted = { account_id: consumer.id, currency: 'EUR', amount: '5' };
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, nth) =>
        service.call('POST', '/admin/top-ups', admin, { ...wanted, key: `${consumer.id}-${nth}` }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await money()).toBe('36.00 owes 0.00');
  });

  it('of a dispute takes what is in the wallet when those who are spending it are done', async () => {
    const topUp = await begin();
    await tell(paid(topUp));
    const { db } = service.context.database;
    const told = await db.transaction(async (tx) => {
      await spend(4_000_000n, tx);
      const told = tell(disputed(topUp.payment, 'withdrawn'));
      await untilSomebodyWaits();
      return { told };
    });
    expect(await told.told).toMatchObject({ status: 200 });
    expect(await money()).toBe('0.00 owes 4.00');
  });

  it('that a dispute was won gives the money back once, also if it comes first', async () => {
    const topUp = await begin();
    const [taken, won] = [disputed(topUp.payment, 'withdrawn'), disputed(topUp.payment, 'reinstated')];
    await tell(won);
    await tell(paid(topUp));
    await tell(won);
    expect(await money()).toBe('10.00 owes 0.00');
    await tell(taken);
    expect(await money()).toBe('10.00 owes 0.00');
    for (const event of [taken, won]) await tell({ ...event, id: `evt_again_${event.id}` });
    expect(await money()).toBe('10.00 owes 0.00');
    const rows = await service.context.database.sql`select kind from ledger_transactions where kind = 'dispute'`;
    expect(rows.length).toBeGreaterThanOrEqual(2);
  });

  it('of a top-up whose payment is known stays with it', async () => {
    const topUp = await begin();
    await tell(paid(topUp));
    const [row] = await service.context.database.db
      .select()
      .from(topUps)
      .where(eq(topUps.id, BigInt(topUp.id)));
    expect(row).toMatchObject({
      status: 'paid',
      payment: topUp.payment,
      reference: expect.stringContaining('cs_test_'),
    });
  });
});

it('events in every order, the first one repeated, leave the same money', async () => {
  const results = new Set<string>();
  for (const order of permutations([0, 1, 2, 3])) {
    consumer = await service.account('consumer');
    const topUp = await begin();
    const all = [
      paid(topUp),
      refunded(topUp.payment, 200),
      disputed(topUp.payment, 'withdrawn', 500),
      disputed(topUp.payment, 'reinstated', 500),
    ];
    const told = order.flatMap((index) => all.slice(index, index + 1));
    for (const event of [...told, ...told.slice(0, 1)]) await tell(event);
    results.add(await money());
  }
  expect([...results]).toEqual(['8.00 owes 0.00']);
});

function permutations(items: number[]): number[][] {
  if (items.length <= 1) return [items];
  return items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}
