import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { micros } from '@motience/ledger/pricing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reconcile } from './reconcile/reconcile.ts';
import { type Books, openBooks } from './testing/open-books.ts';

const command = fileURLToPath(new URL('../bin/motience-reconcile.js', import.meta.url));

function run(environment: Record<string, string>, ...args: string[]) {
  return new Promise<{ code: number | string | null | undefined; out: string; errors: string }>((resolve) => {
    const env = { PATH: process.env.PATH, ...environment };
    execFile(process.execPath, [command, ...args], { env }, (error, out, errors) =>
      resolve({ code: error ? error.code : 0, out, errors }),
    );
  });
}

let books: Books;
let one: bigint;
let other: bigint;

async function openFilledBooks() {
  books = await openBooks();
  await books.topUp(100_000_000n);
  one = await books.subscribe({
    kind: 'per-reading',
    price: micros(1_000n),
    currency: 'EUR',
    trial: { readings: 20 },
  });
  await books.deliver({ subscriptionId: one, day: '2026-09-30', readings: 70, free: 20 });
  await books.deliver({ subscriptionId: one, day: '2026-10-01', readings: 100 });
  await books.deliver({ subscriptionId: one, day: '2026-10-02', readings: 30 });
  other = await books.subscribe({ kind: 'per-time', per: 'hour', price: micros(3_600_000n), currency: 'EUR' });
  await books.passTime(other, '2026-10-01T10:00:00Z', '2026-10-01T11:00:00Z');
}

beforeAll(openFilledBooks);
afterAll(() => books.close());

const reconcileBooks = (...args: string[]) => run({ DATABASE_URL: books.url }, ...args);

describe('the command', () => {
  it('says that the books agree, for people and as JSON, and ends with 0', async () => {
    const { code, out } = await reconcileBooks();
    expect([code, out]).toEqual([
      0,
      'The books agree: delivered = metered = debited = invoiced = earned + fee for 2 subscriptions (3 months of use between them); 5 transactions of the ledger add up.\n',
    ]);
    expect(JSON.parse((await reconcileBooks('--json')).out)).toEqual({
      in_order: true,
      subscriptions: 2,
      months: 3,
      transactions: '5',
      mismatch: null,
    });
  });

  it('looks at one subscription, and says so if there is none', async () => {
    const json = JSON.parse((await reconcileBooks('--json', '--subscription', String(one))).out);
    expect(json).toMatchObject({ in_order: true, subscriptions: 1, months: 2, transactions: null });
    expect(await reconcileBooks('--subscription', '999')).toMatchObject({
      code: 1,
      errors: 'motience-reconcile: there is no subscription 999\n',
    });
  });

  it('tells what is wrong with how it was called, and what it does', async () => {
    expect(await reconcileBooks('--subscription', 'x')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('expected the id of a subscription'),
    });
    expect((await reconcileBooks('--help')).out).toContain('Exits with 0 if all agrees');
    const away = await run({ DATABASE_URL: 'postgres://u:p@127.0.0.1:1/none' });
    expect(away).toMatchObject({ code: 1, errors: expect.stringContaining('PostgreSQL does not answer') });
  });
});

/** Makes sums of the intervals of some days. */
const sumUp = (days: string) => `
  insert into delivered_sums (consumer_id, producer_id, epoch, subscription_id, day, first_seq, last_seq, bytes_before,
    bytes_through, intervals, readings, bytes)
  select consumer_id, producer_id, epoch, subscription_id, day, first_seq, last_seq, bytes_before, bytes_through, 1,
    last_seq - first_seq + 1, bytes_through - bytes_before
  from delivered_intervals where day in (${days});
  delete from delivered_intervals where day in (${days})`;
const allDays = "'2026-09-30', '2026-10-01', '2026-10-02'";

/** What was changed by hand, and what the command then says. `ONE` and `OTHER` stand for the subscriptions. */
const tamperings: readonly (readonly [what: string, statement: string, said: string])[] = [
  [
    'an interval that is longer than what was metered',
    "update delivered_intervals set last_seq = last_seq + 1 where day = '2026-10-02'",
    'subscription ONE, 2026-10-02: readings delivered: 31; metered: 30',
  ],
  [
    'an interval with other bytes',
    "update delivered_intervals set bytes_through = bytes_through + 1 where day = '2026-10-02'",
    'subscription ONE, 2026-10-02: bytes delivered: 301; metered: 300',
  ],
  [
    'time that was not metered',
    "update delivered_time set until_at = until_at + interval '1 second'",
    'subscription OTHER, 2026-10-01: seconds delivered: 3601; metered: 3600',
  ],
  [
    'a day that is gone',
    "delete from subscription_days where subscription_id = ONE and day = '2026-10-01'",
    'subscription ONE, 2026-10-01: readings delivered: 100; metered: 0',
  ],
  [
    'a charge that is one micro-unit too high',
    "update subscription_days set charged = charged + 1 where subscription_id = ONE and day = '2026-10-01'",
    'subscription ONE, 2026-10: charged: 0.130001 EUR; due by plan and use: 0.13 EUR',
  ],
  [
    'a fee that is one too low',
    'update subscription_days set fee = fee - 1 where subscription_id = OTHER',
    'subscription OTHER, 2026-10: of it the platform’s fee: 0.359999 EUR; due: 0.36 EUR',
  ],
  [
    'a plan that was edited',
    "update plans set terms = jsonb_set(terms, '{price}', '\"0.002\"') where id = (select plan_id from subscriptions where id = ONE)",
    'subscription ONE, 2026-09: charged: 0.05 EUR; due by plan and use: 0.10 EUR',
  ],
  [
    'a trial that was not metered',
    'update trials set readings = readings + 1',
    'the trial gave 21 readings and 200 bytes, but 20 and 200 were metered as free',
  ],
  [
    'a capture of another subscription',
    "update ledger_transactions set subscription_id = null where kind = 'capture' and subscription_id = OTHER",
    'subscription OTHER, all months together: metered: 3.60 EUR; debited: 0.00 EUR',
  ],
  [
    'earnings that went to the platform',
    "update ledger_entries e set amount = case a.kind when 'fee' then 360001 when 'earnings' then 3239999 else e.amount end from ledger_accounts a, ledger_transactions t where a.id = e.account_id and t.id = e.transaction_id and t.subscription_id = OTHER",
    'subscription OTHER, all months together: fee: 0.36 EUR; posted: 0.360001 EUR',
  ],
  ['a balance', "update ledger_accounts set balance = balance + 1 where kind = 'wallet'", 'has the balance'],
  [
    'an interval delivered and billed twice',
    "with more as (insert into delivered_intervals select consumer_id, producer_id, epoch, last_seq, last_seq, bytes_through, bytes_through, subscription_id, day from delivered_intervals where day = '2026-10-02' returning *) update subscription_days set readings = readings + 1, trial_readings = trial_readings + 1 where subscription_id = ONE and day = '2026-10-02'",
    'was delivered, and so was',
  ],
  [
    'a sum of intervals that is one reading too high',
    `${sumUp(allDays)}; update delivered_sums set readings = readings + 1, last_seq = last_seq + 1 where day = '2026-10-02'`,
    'subscription ONE, 2026-10-02: readings delivered: 31; metered: 30',
  ],
  ['an interval that lies before what is summed up', sumUp("'2026-10-02'"), 'is summed up, and still seq'],
  [
    'more readings summed up than there were',
    `${sumUp(allDays)}; update delivered_sums set first_seq = 211 - readings, last_seq = 210`,
    '200 readings are summed up of the',
  ],
  [
    'a statement line of a month that is not closed',
    "insert into statement_lines values (ONE, '2026-09', 70, 700, 0, 20, 200, 0, 50000, 5000)",
    'subscription ONE, 2026-09: there is a line of a statement, but the month is not closed',
  ],
  [
    'a closed month without a line',
    "insert into subscription_closings values (ONE, '2026-09-30')",
    'subscription ONE, 2026-09: the month is closed, but its statement has no line',
  ],
  [
    'a statement line that says something else',
    "insert into subscription_closings values (ONE, '2026-10-02'); insert into statement_lines values (ONE, '2026-09', 70, 700, 0, 20, 200, 0, 50001, 5000)",
    'subscription ONE, 2026-09: charged: 0.05 EUR; invoiced: 0.050001 EUR',
  ],
  [
    'a payout that holds nothing',
    "insert into payouts (producer_id, currency, amount, key, status) select id, 'EUR', 5, 'k', 'requested' from users where role = 'producer'",
    'is requested, so 5 micro-units have to be held for it, but 0 are',
  ],
];

describe('when something was changed by hand', () => {
  it.each(tamperings)('names %s', async (_, statement, said) => {
    await books.close();
    await openFilledBooks();
    const named = (text: string) => text.replaceAll('ONE', String(one)).replaceAll('OTHER', String(other));
    await books.tamper(named(statement));
    expect((await reconcile(books.db)).mismatch).toContain(named(said));
  });

  it('ends with 2, and says what it is', async () => {
    await books.close();
    await openFilledBooks();
    await books.tamper('update subscription_days set readings = readings + 1 where readings = 30');
    const said = `subscription ${one}, 2026-10-02: readings delivered: 30; metered: 31`;
    expect(await reconcileBooks()).toMatchObject({ code: 2, out: `The books do not agree. ${said}\n` });
    expect(JSON.parse((await reconcileBooks('--json')).out)).toMatchObject({ in_order: false, mismatch: said });
    expect(await reconcileBooks('--subscription', String(other))).toMatchObject({ code: 0 });
  });
});
