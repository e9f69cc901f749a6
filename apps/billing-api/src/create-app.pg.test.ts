import { checkBooks, hold } from '@motience/ledger';
import { micros } from '@motience/ledger/pricing';
import {
  shownLimitsSchema,
  topUpPageSchema,
  topUpSchema,
  walletLinePageSchema,
  walletListSchema,
  walletSchema,
} from '@motience/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BillingService, refusalIn, type TestAccount } from './testing/billing-service.ts';

let service: BillingService;
let admin: TestAccount;
let consumer: TestAccount;

beforeAll(async () => {
  service = await BillingService.start();
  [admin, consumer] = await Promise.all([service.account('admin'), service.account('consumer')]);
});

afterAll(async () => {
  try {
    expect((await checkBooks(service.context.database.db)).mismatch).toBeUndefined();
  } finally {
    await service.close();
  }
});

let keys = 0;
const nextKey = () => `key-${++keys}`;
const credit = (of: TestAccount, more: object = {}, by = admin) =>
  service.call('POST', '/admin/top-ups', by, {
    account_id: of.id,
    currency: 'EUR',
    amount: '10',
    key: nextKey(),
    ...more,
  });
const walletOf = async (account: TestAccount, currency = 'EUR') =>
  walletSchema.parse((await service.call('GET', `/wallets/${currency}`, account)).body);

describe('an admin', () => {
  it('credits a wallet once per key, and gets the same answer again', async () => {
    const one = await service.account('consumer');
    const answers = [];
    for (let round = 0; round < 3; round += 1) answers.push(await credit(one, { amount: '12.345678', key: 'same' }));
    answers.push(
      ...(await Promise.all(Array.from({ length: 5 }, () => credit(one, { amount: '12.345678', key: 'same' })))),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(topUpSchema.parse(answers[0]?.body)).toMatchObject({
      amount: '12.345678',
      provider: 'admin',
      status: 'paid',
    });
    expect(await walletOf(one)).toMatchObject({ balance: '12.345678', held: '0.00', owed: '0.00' });
  });

  it('cannot use a key for something else', async () => {
    const key = nextKey();
    await credit(consumer, { key });
    const other = await service.account('consumer');
    for (const change of [{ amount: '11' }, { currency: 'USD' }, { account_id: other.id }]) {
      expect(refusalIn(await credit(consumer, { key, ...change }))).toBe('409 conflict key');
    }
  });

  it('sees everyone’s wallets', async () => {
    const one = await service.account('consumer');
    await credit(one, { currency: 'CHF' });
    const { body } = await service.call('GET', `/wallets?account_id=${one.id}`, admin);
    const { items, payment_provider } = walletListSchema.parse(body);
    expect(items).toMatchObject([{ account_id: one.id, currency: 'CHF', balance: '10.00' }]);
    expect(payment_provider).toBe('admin');
  });

  it.each([
    [{ amount: '-1' }, '400 invalid-request amount'],
    [{ amount: '0' }, '400 invalid-request amount'],
    [{ amount: '0.0000001' }, '400 invalid-request amount'],
    [{ amount: 1.5 }, '400 invalid-request amount'],
    [{ amount: '9223372036854.775808' }, '400 invalid-request amount'],
    [{ amount: '1e3' }, '400 invalid-request amount'],
    [{ currency: 'XXX' }, '400 invalid-request currency'],
    [{ currency: undefined }, '400 invalid-request currency'],
    [{ key: '' }, '400 invalid-request key'],
    [{ account_id: '0' }, '400 invalid-request account_id'],
    [{ more: 1 }, '400 invalid-request more'],
    [{ account_id: '999999' }, '404 not-found'],
  ])('is told what is wrong with %o', async (change, refusal) => {
    expect(refusalIn(await credit(consumer, change))).toBe(refusal);
  });

  it('credits no more at once than could be a typing error that nobody can take back', async () => {
    expect((await credit(consumer, { amount: '999999.99', currency: 'GBP' })).status).toBe(200);
    const answer = await credit(consumer, { amount: '999999.990001', currency: 'GBP' });
    expect(refusalIn(answer)).toBe('400 invalid-request amount');
    expect(JSON.stringify(answer.body)).toContain('expected at most 999999.99');
  });

  it('takes a credit back once, as long as it was not spent', async () => {
    const one = await service.account('consumer');
    const [mistake, meant] = [await credit(one, { amount: '500' }), await credit(one, { amount: '5' })];
    const idOf = ({ body }: { body: unknown }) => topUpSchema.parse(body).id;
    const takeBack = (id: string, by = admin) => service.call('POST', `/admin/top-ups/${id}/reverse`, by);
    const answers = await Promise.all(Array.from({ length: 4 }, () => takeBack(idOf(mistake))));
    for (const answer of answers) {
      expect(answer).toEqual({ status: 200, body: { ...topUpSchema.parse(mistake.body), status: 'reversed' } });
    }
    expect(await walletOf(one)).toMatchObject({ balance: '5.00', owed: '0.00' });
    const { body } = await service.call('GET', '/wallets/EUR/lines', one);
    const lines = walletLinePageSchema.parse(body).items.map(({ kind, amount }) => `${kind} ${amount}`);
    expect(lines).toEqual(['reversal -500.00', 'top-up 5.00', 'top-up 500.00']);

    const held = { kind: 'hold', ownerId: BigInt(one.id), currency: 'EUR', name: 'subscription-1' } as const;
    await hold(service.context.database.db, { key: `hold-${one.id}`, hold: held, amount: micros(1n) });
    expect(refusalIn(await takeBack(idOf(meant)))).toBe('402 payment-required');
    expect(refusalIn(await takeBack('999999'))).toBe('404 not-found');
    expect(refusalIn(await takeBack(idOf(meant), one))).toBe('403 forbidden');
  });
});

describe('a consumer', () => {
  it('cannot credit itself, and cannot pay in where there is no provider', async () => {
    expect(refusalIn(await credit(consumer, {}, consumer))).toBe('403 forbidden');
    const { status, body } = await service.call('POST', '/top-ups', consumer, { currency: 'EUR', amount: '10' });
    expect(refusalIn({ status, body })).toBe('403 forbidden');
    expect(JSON.stringify(body)).toContain('an admin credits wallets');
    const one = await service.account('consumer');
    expect((await service.call('POST', '/top-ups', one, { currency: 'EUR', amount: '10' })).status).toBe(403);
    expect((await service.call('GET', '/top-ups', one)).body).toEqual({ items: [], next_cursor: null });
  });

  it('sees its own wallet, also an empty one, and no other’s', async () => {
    const [one, other] = await Promise.all([service.account('consumer'), service.account('consumer')]);
    await credit(one);
    expect(await walletOf(one, 'GBP')).toMatchObject({ account_id: one.id, currency: 'GBP', balance: '0.00' });
    for (const path of ['/wallets', '/wallets/EUR', '/wallets/EUR/lines']) {
      expect(refusalIn(await service.call('GET', `${path}?account_id=${one.id}`, other))).toBe('403 forbidden');
    }
    expect(refusalIn(await service.call('GET', '/wallets/XXX', one))).toBe('400 invalid-request currency');
    expect(refusalIn(await service.call('GET', '/wallets/EUR'))).toBe('401 unauthenticated');
  });

  it('reads what changed its wallet, newest first and page by page', async () => {
    const one = await service.account('consumer');
    for (const amount of ['1', '2', '3']) await credit(one, { amount });
    const amounts: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 5; pages += 1) {
      const { body } = await service.call('GET', `/wallets/EUR/lines?limit=1${cursor}`, one);
      const page = walletLinePageSchema.parse(body);
      amounts.push(...page.items.map(({ kind, amount }) => `${kind} ${amount}`));
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(amounts).toEqual(['top-up 3.00', 'top-up 2.00', 'top-up 1.00']);
    const listed = topUpPageSchema.parse((await service.call('GET', '/top-ups', one)).body);
    expect(listed.items.map(({ amount }) => amount)).toEqual(['3.00', '2.00', '1.00']);
  });

  it('sets its limits, all at once, and reads them', async () => {
    const one = await service.account('consumer');
    const limits = [
      { currency: 'EUR', period: 'day', amount: '2.5' },
      { currency: 'EUR', period: 'month', amount: '20' },
    ];
    await service.call('PUT', '/limits', one, { limits });
    expect(shownLimitsSchema.parse((await service.call('GET', '/limits', one)).body).limits).toEqual([
      { currency: 'EUR', subscription_id: null, period: 'day', amount: '2.50', spent: '0.00' },
      { currency: 'EUR', subscription_id: null, period: 'month', amount: '20.00', spent: '0.00' },
    ]);
    await service.call('PUT', '/limits', one, { limits: [] });
    expect((await service.call('GET', '/limits', one)).body).toEqual({ limits: [] });
  });

  it('has the limits of one request when it sets them by several at once', async () => {
    const one = await service.account('consumer');
    const wanted = ['1.00', '2.00', '3.00'].map((amount) =>
      ['EUR', 'USD'].flatMap((currency) => ['day', 'month'].map((period) => ({ currency, period, amount }))),
    );
    for (let round = 0; round < 10; round += 1) {
      // Some have a currency less, so that a mixture could stand in the database.
      const requests = wanted.map((limits, nth) => limits.slice(nth));
      const answers = await Promise.all(requests.map((limits) => service.call('PUT', '/limits', one, { limits })));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      const { limits } = shownLimitsSchema.parse((await service.call('GET', '/limits', one)).body);
      const amounts = limits.map(({ amount }) => amount);
      expect(['1.00 4', '2.00 3', '3.00 2']).toContain(`${[...new Set(amounts)]} ${amounts.length}`);
    }
  });

  it.each([
    [[{ currency: 'EUR', period: 'week', amount: '1' }], '400 invalid-request limits.0.period'],
    [[{ currency: 'EUR', period: 'day', amount: '-1' }], '400 invalid-request limits.0.amount'],
    [[{ currency: 'XXX', period: 'day', amount: '1' }], '400 invalid-request limits.0.currency'],
    [[{ currency: 'EUR', period: 'day', amount: '1', subscription_id: '999' }], '404 not-found'],
    [
      [
        { currency: 'EUR', period: 'day', amount: '1' },
        { currency: 'EUR', period: 'day', amount: '2' },
      ],
      '400 invalid-request limits.1',
    ],
  ])('is told what is wrong with the limits %o', async (limits, refusal) => {
    expect(refusalIn(await service.call('PUT', '/limits', consumer, { limits }))).toBe(refusal);
  });
});

it('without Stripe there is no place for its events', async () => {
  expect(refusalIn(await service.call('POST', '/webhooks/stripe', undefined, {}))).toBe('404 not-found');
});

it('every route is described', async () => {
  const { body } = await service.call('GET', '/openapi.json');
  const text = JSON.stringify(body);
  for (const path of ['/wallets/{currency}/lines', '/admin/top-ups', '/top-ups', '/limits'])
    expect(text).toContain(`"${path}"`);
});
