import { balanceOf, checkBooks, type LedgerAccount } from '@motience/ledger';
import { payoutPageSchema, payoutSchema } from '@motience/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { reconcile } from '../reconcile/reconcile.ts';
import { type Books, openBooks } from '../testing/open-books.ts';
import { refusalOf, type ServedBilling, serveBilling } from '../testing/serve-billing.ts';

let books: Books;
let billing: ServedBilling;
let producer: string;
let admin: string;
let earnings: LedgerAccount;

beforeEach(async () => {
  books = await openBooks();
  billing = await serveBilling(books.url);
  producer = await billing.signIn(books.producer, 'producer');
  admin = await billing.signIn(await books.addUser('admin', 'admin'), 'admin');
  earnings = { kind: 'earnings', ownerId: books.producer, currency: 'EUR' };
  await books.topUp(30_000_000n, undefined, earnings);
});
afterEach(async () => {
  await billing.stop();
  await books.close();
});

const ask = (amount: unknown, key: string, token = producer) =>
  billing.fetch(token, 'POST /payouts', { currency: 'EUR', amount, key });
const move = (id: string, step: string, body?: unknown) =>
  billing.fetch(admin, `POST /admin/payouts/${id}/${step}`, body);

async function asked(amount: string, key: string) {
  const response = await ask(amount, key);
  expect(response.status).toBe(201);
  return payoutSchema.parse(await response.json());
}

async function inOrder(expectedEarnings: bigint, expectedHeld: bigint, id: string) {
  const hold: LedgerAccount = { kind: 'hold', ownerId: books.producer, currency: 'EUR', name: `payout-${id}` };
  expect([await balanceOf(books.db, earnings), await balanceOf(books.db, hold)]).toEqual([
    expectedEarnings,
    expectedHeld,
  ]);
  expect((await checkBooks(books.db)).mismatch).toBeUndefined();
  expect((await reconcile(books.db)).mismatch).toBeUndefined();
}

it('sets aside what is asked for, once per key, until an admin has approved and paid it', async () => {
  const payout = await asked('25.00', 'october');
  expect(payout).toMatchObject({ amount: '25.00', status: 'requested', approved_at: null, ended_at: null });
  await inOrder(5_000_000n, 25_000_000n, payout.id);
  const again = await ask('25', 'october');
  expect([again.status, payoutSchema.parse(await again.json())]).toEqual([200, payout]);

  for (let times = 0; times < 2; times += 1) {
    expect(await (await move(payout.id, 'approve')).json()).toMatchObject({ status: 'approved', ended_at: null });
  }
  await inOrder(5_000_000n, 25_000_000n, payout.id);
  for (let times = 0; times < 2; times += 1) {
    const paid = await move(payout.id, 'paid', { reference: 'SEPA 1' });
    expect(await paid.json()).toMatchObject({ status: 'paid', note: 'SEPA 1', ended_at: expect.any(String) });
  }
  await inOrder(5_000_000n, 0n, payout.id);
  const bank: LedgerAccount = { kind: 'provider', currency: 'EUR', name: 'bank' };
  expect(await balanceOf(books.db, bank)).toBe(25_000_000n);
});

it.each([['before'], ['after']])('gives the money back if it failed %s it was approved', async (when) => {
  const payout = await asked('25.00', 'october');
  if (when === 'after') await move(payout.id, 'approve');
  for (let times = 0; times < 2; times += 1) {
    expect(await (await move(payout.id, 'failed', { reason: 'no such account' })).json()).toMatchObject({
      status: 'failed',
      note: 'no such account',
    });
  }
  await inOrder(30_000_000n, 0n, payout.id);
});

it('refuses steps that are none from where a payout stands, and changes nothing', async () => {
  const { id } = await asked('25.00', 'october');
  const conflict = { status: 409, kind: 'conflict' };
  expect(await refusalOf(await move(id, 'paid', { reference: 'x' }))).toMatchObject(conflict);
  await move(id, 'approve');
  await move(id, 'paid', { reference: 'SEPA 1' });
  expect(await refusalOf(await move(id, 'paid', { reference: 'SEPA 2' }))).toMatchObject(conflict);
  expect(await refusalOf(await move(id, 'approve'))).toMatchObject(conflict);
  expect(await refusalOf(await move(id, 'failed', { reason: 'x' }))).toMatchObject(conflict);
  expect(await refusalOf(await move('999', 'approve'))).toMatchObject({ status: 404 });
  await inOrder(5_000_000n, 0n, id);
});

it('pays and fails a payout once, whoever is faster', async () => {
  const { id } = await asked('25.00', 'october');
  await move(id, 'approve');
  const replies = await Promise.all([
    move(id, 'paid', { reference: 'a' }),
    move(id, 'failed', { reason: 'b' }),
    move(id, 'paid', { reference: 'c' }),
    move(id, 'failed', { reason: 'd' }),
  ]);
  expect(replies.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
  expect((await reconcile(books.db)).mismatch).toBeUndefined();
});

it('pays no more than was earned, also when asked for twice at once, and one key stands for one payout', async () => {
  const replies = await Promise.all(['a', 'b', 'c', 'd'].map((key) => ask('14', key)));
  expect(replies.map(({ status }) => status).sort()).toEqual([201, 201, 402, 402]);
  expect(await balanceOf(books.db, earnings)).toBe(2_000_000n);
  const same = await Promise.all(Array.from({ length: 5 }, () => ask('1.50', 'same')));
  expect(same.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 201]);
  expect(await balanceOf(books.db, earnings)).toBe(500_000n);
  expect(await refusalOf(await ask('1.51', 'same'))).toEqual({ status: 409, kind: 'conflict', paths: ['key'] });
  expect((await reconcile(books.db)).mismatch).toBeUndefined();
});

it('takes ten requests of a producer that are not over, and then tells to wait', async () => {
  const replies = await Promise.all(Array.from({ length: 14 }, (_, nth) => ask('1', `key-${nth}`)));
  const added = replies.filter(({ status }) => status === 201);
  expect(added).toHaveLength(10);
  const refused = replies.filter(({ status }) => status !== 201);
  for (const reply of refused) expect(await refusalOf(reply)).toMatchObject({ status: 409, kind: 'conflict' });
  expect(await balanceOf(books.db, earnings)).toBe(20_000_000n);
  const [{ id, key } = { id: '', key: '' }] = await Promise.all(
    added.map(async (reply) => payoutSchema.parse(await reply.json())),
  );
  expect((await ask('1', key)).status).toBe(200);
  await move(id, 'failed', { reason: 'x' });
  expect((await ask('1', 'next')).status).toBe(201);
});

it('names what is wrong with a request', async () => {
  for (const amount of ['0.999999', '0', '-1', '1.0000001', 1.5, '9223372036854.775808', 'x', null]) {
    expect([amount, await refusalOf(await ask(amount, 'k'))]).toEqual([
      amount,
      { status: 400, kind: 'invalid-request', paths: ['amount'] },
    ]);
  }
  const bad = await billing.fetch(producer, 'POST /payouts', { currency: 'XXX', amount: '1', key: '', more: 1 });
  expect((await refusalOf(bad)).paths).toEqual(['currency', 'key', 'more']);
});

it('shows a producer its own payouts and an admin everyone’s, newest first; nobody else may ask', async () => {
  await asked('1.00', 'a');
  await asked('2.00', 'b');
  const otherId = await books.addUser('producer', 'other');
  const other = await billing.signIn(otherId, 'producer');
  await books.topUp(9_000_000n, undefined, { kind: 'earnings', ownerId: otherId, currency: 'EUR' });
  await ask('3.00', 'a', other);
  const amounts = async (token: string, query = '') => {
    const response = await billing.fetch(token, `GET /payouts${query}`);
    return payoutPageSchema.parse(await response.json()).items.map(({ amount }) => amount);
  };
  expect(await amounts(producer)).toEqual(['2.00', '1.00']);
  expect(await amounts(producer, `?producer_id=${otherId}`)).toEqual(['2.00', '1.00']);
  expect(await amounts(admin)).toEqual(['3.00', '2.00', '1.00']);
  expect(await amounts(admin, `?producer_id=${otherId}&status=requested`)).toEqual(['3.00']);
  expect(await amounts(admin, '?status=paid')).toEqual([]);
  const consumer = await billing.signIn(books.consumer, 'consumer');
  expect(await refusalOf(await ask('1', 'k', consumer))).toMatchObject({ status: 403 });
  expect(await refusalOf(await billing.fetch(consumer, 'GET /payouts'))).toMatchObject({ status: 403 });
  expect(await refusalOf(await billing.fetch(producer, 'POST /admin/payouts/1/approve'))).toMatchObject({
    status: 403,
  });
});
