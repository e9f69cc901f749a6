import { Refusal } from '@motience/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { balanceOf } from './balance-of.ts';
import { checkBooks } from './check-books.ts';
import { capture, captureTransaction, hold, release } from './holds.ts';
import type { LedgerAccount } from './ledger-account.ts';
import { maxMicros, micros } from './money.ts';
import { post, postAll } from './post.ts';
import { reverse } from './reverse.ts';
import { openTestLedger, type TestLedger } from './testing/open-ledger.ts';
import type { Transaction } from './transaction.ts';

let ledger: TestLedger;

beforeEach(async () => {
  ledger = await openTestLedger({ maxConnections: 20 });
});

afterEach(async () => {
  try {
    expect((await checkBooks(ledger.db)).mismatch).toBeUndefined();
  } finally {
    await ledger.close();
  }
});

const balance = (account: LedgerAccount) => balanceOf(ledger.db, account);

function topUp(key: string, amount: bigint, account = ledger.wallet): Transaction {
  return {
    key,
    kind: 'top-up',
    entries: [
      { account: ledger.provider, amount: -amount },
      { account, amount },
    ],
  };
}

function debit(key: string, amount: bigint): Transaction {
  return {
    key,
    kind: 'capture',
    entries: [
      { account: ledger.wallet, amount: -amount },
      { account: ledger.earnings, amount: amount - 1n },
      { account: ledger.fee, amount: 1n },
    ],
    subscriptionId: ledger.ids.subscription,
  };
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => 'nothing was refused',
    (reason: unknown) => reason,
  );
  if (error instanceof Refusal) return `${error.kind}: ${error.message}`;
  throw error;
}

describe('posting', () => {
  it('moves money between accounts', async () => {
    await post(ledger.db, topUp('a', 100n));
    await post(ledger.db, debit('b', 30n));
    const accounts = [ledger.wallet, ledger.earnings, ledger.fee, ledger.provider];
    expect(await Promise.all(accounts.map(balance))).toEqual([70n, 29n, 1n, -100n]);
    expect(await checkBooks(ledger.db)).toMatchObject({ accounts: 4n, transactions: 2n, entries: 5n });
  });

  it('of two hundred concurrent debits of a wallet with funds for half lets exactly half succeed', async () => {
    await post(ledger.db, topUp('funds', 100n * 7n));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => post(ledger.db, debit(`debit-${index}`, 7n))),
    );
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(refused).toHaveLength(100);
    for (const reason of refused) expect(reason).toMatchObject({ name: 'Refusal', kind: 'payment-required' });
    expect(await balance(ledger.wallet)).toBe(0n);
    expect(await balance(ledger.earnings)).toBe(600n);
  });

  it('of the same key many times at once credits once', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => post(ledger.db, topUp('event-1', 5n))));
    expect(outcomes.filter(({ status }) => status === 'posted')).toHaveLength(1);
    expect(new Set(outcomes.map(({ transactionId }) => transactionId)).size).toBe(1);
    expect(await balance(ledger.wallet)).toBe(5n);
  });

  it('of something else under a key that was used is a conflict', async () => {
    await post(ledger.db, topUp('key', 5n));
    for (const other of [
      topUp('key', 6n),
      topUp('key', 5n, ledger.otherWallet),
      { ...topUp('key', 5n), kind: 'credit' as const },
      { ...topUp('key', 5n), subscriptionId: ledger.ids.subscription },
    ]) {
      expect(await refusalOf(post(ledger.db, other))).toBe('conflict: something else was posted under this key');
    }
    expect(await refusalOf(postAll(ledger.db, [topUp('new', 1n), topUp('new', 2n)]))).toContain('conflict');
    expect(await balance(ledger.wallet)).toBe(5n);
  });

  it('tells the same from something else whatever the order and parts of its entries', async () => {
    const { wallet, provider } = ledger;
    const first = await post(ledger.db, topUp('key', 5n));
    const entries = [
      { account: wallet, amount: 2n },
      { account: wallet, amount: 3n },
      { account: provider, amount: -5n },
    ];
    expect(await post(ledger.db, { key: 'key', kind: 'top-up', entries })).toEqual({
      ...first,
      status: 'already-posted',
    });
  });

  it('of opposite movements at once, over the same accounts, ends without a deadlock', async () => {
    await postAll(ledger.db, [topUp('a', 1_000n), topUp('b', 1_000n, ledger.otherWallet)]);
    const [one, other] = [ledger.wallet, ledger.otherWallet];
    const move = (key: string, from: LedgerAccount, to: LedgerAccount): Transaction => ({
      key,
      kind: 'credit',
      entries: [
        { account: from, amount: -1n },
        { account: to, amount: 1n },
      ],
    });
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        postAll(
          ledger.db,
          index % 2 === 0
            ? [move(`m${index}`, one, other), move(`n${index % 7}`, other, one)]
            : [move(`n${index % 7}`, other, one), move(`m${index}`, other, one)],
        ),
      ),
    );
    expect((await balance(one)) + (await balance(other))).toBe(2_000n);
  });

  it('of the same transactions at once, in any order, opens their accounts and posts each once, without a deadlock', async () => {
    // Connections that are open, and rows that take their time, so that statements overlap.
    await Promise.all(Array.from({ length: 6 }, () => ledger.sql`select pg_sleep(0.1)`));
    for (const table of ['ledger_accounts', 'ledger_transactions']) {
      await ledger.sql.unsafe(`
        create function slow_${table}() returns trigger language plpgsql as
          'begin perform pg_sleep(0.005); return new; end';
        create trigger slow before insert on ${table} for each row execute function slow_${table}()`);
    }
    // The first round opens accounts; in the second they are there, and only keys are waited for.
    for (const round of [1n, 2n]) {
      const all = Array.from({ length: 20 }, (_, index): Transaction => {
        const entries = [
          { account: { kind: 'provider' as const, currency: 'EUR' as const, name: `p${index}` }, amount: -1n },
          { account: ledger.wallet, amount: 1n },
        ];
        return { key: `${round}-${index}`, kind: 'top-up', entries };
      });
      const orders = Array.from({ length: 6 }, (_, turn) => [...all.slice(turn * 3), ...all.slice(0, turn * 3)]);
      const outcomes = await Promise.all(
        orders.map((order, turn) => postAll(ledger.db, turn % 2 === 0 ? order : order.toReversed())),
      );
      expect(outcomes.flat().filter(({ status }) => status === 'posted')).toHaveLength(20);
      expect(await balance(ledger.wallet)).toBe(20n * round);
    }
  });

  it('of several is all or none', async () => {
    await post(ledger.db, topUp('a', 10n));
    expect(await refusalOf(postAll(ledger.db, [debit('b', 9n), debit('c', 9n)]))).toContain('payment-required');
    expect(await balance(ledger.wallet)).toBe(10n);
    const outcomes = await postAll(ledger.db, [debit('b', 5n), topUp('a', 10n), debit('c', 5n)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['posted', 'already-posted', 'posted']);
    expect(await balance(ledger.wallet)).toBe(0n);
  });

  it('within a transaction of the caller is undone with it, and a refusal does not end it', async () => {
    await expect(
      ledger.db.transaction(async (tx) => {
        await post(tx, topUp('a', 10n));
        expect(await refusalOf(post(tx, debit('b', 11n)))).toContain('payment-required');
        expect(await balanceOf(tx, ledger.wallet)).toBe(10n);
        throw new Error('the caller changed its mind');
      }),
    ).rejects.toThrow('the caller changed its mind');
    expect(await balance(ledger.wallet)).toBe(0n);
    expect((await post(ledger.db, topUp('a', 10n))).status).toBe('posted');
  });

  it('refuses what could never be posted', async () => {
    const { wallet, fee } = ledger;
    const posting = (entries: Transaction['entries'], key = 'key') =>
      refusalOf(post(ledger.db, { key, kind: 'credit', entries }));
    expect(await posting([{ account: wallet, amount: 5n }])).toContain('add up to zero in EUR, not to 5');
    expect(await posting([{ account: wallet, amount: 0n }])).toContain(
      'invalid-request: entries: expected at least one',
    );
    expect(await posting([], '')).toContain('invalid-request: key: expected 1 to 200 characters');
    const dollars = { kind: 'fee' as const, currency: 'USD' as const };
    const mixed = [
      { account: dollars, amount: 5n },
      { account: fee, amount: -5n },
    ];
    expect(await posting(mixed)).toContain('add up to zero in');
    const tooMuch = [
      { account: wallet, amount: maxMicros + 1n },
      { account: fee, amount: -maxMicros - 1n },
    ];
    expect(await posting(tooMuch)).toBe('invalid-request: entries: an amount is too large');
    expect(
      await refusalOf(post(ledger.db, topUp('key', 5n, { kind: 'wallet', ownerId: 9_999n, currency: 'EUR' }))),
    ).toBe('not-found: there is no such account');
    expect(await refusalOf(post(ledger.db, { ...topUp('key', 5n), subscriptionId: 9_999n }))).toBe(
      'not-found: there is no such subscription',
    );
  });

  it('of the most that can be posted at once works, of more is refused', async () => {
    const many = Array.from({ length: 1_000 }, (_, index) => topUp(`t${index}`, 1n));
    await postAll(ledger.db, many);
    expect(await balance(ledger.wallet)).toBe(1_000n);
    expect(await refusalOf(postAll(ledger.db, [...many, topUp('one more', 1n)]))).toContain('invalid-request: at most');
  });

  it('refuses what would make a balance too large', async () => {
    await post(ledger.db, topUp('all', maxMicros));
    expect(await refusalOf(post(ledger.db, topUp('one more', 1n)))).toBe(
      'invalid-request: the balance would be too large',
    );
  });
});

describe('a hold', () => {
  const holding = (key: string, amount: bigint) => ({ key, hold: ledger.held, amount: micros(amount) });

  it('is taken from the wallet, captured from, and the rest released', async () => {
    await post(ledger.db, topUp('a', 100n));
    await hold(ledger.db, holding('h', 60n));
    expect(await balance(ledger.wallet)).toBe(40n);
    const { earnings, fee, held } = ledger;
    const to = [
      { account: earnings, amount: micros(20n) },
      { account: fee, amount: micros(0n) },
    ];
    await capture(ledger.db, { key: 'c', hold: held, to, subscriptionId: ledger.ids.subscription });
    expect(await refusalOf(release(ledger.db, holding('r', 41n)))).toBe(
      'payment-required: the hold has less than is to be taken from it',
    );
    await release(ledger.db, holding('r', 40n));
    expect(await Promise.all([ledger.wallet, held, earnings].map(balance))).toEqual([80n, 0n, 20n]);
  });

  it('is refused if the wallet has less', async () => {
    await post(ledger.db, topUp('a', 59n));
    expect(await refusalOf(hold(ledger.db, holding('h', 60n)))).toBe(
      'payment-required: the wallet has less than is to be taken from it',
    );
  });

  it('gives no more than it has to captures at once, and never what another hold has', async () => {
    await post(ledger.db, topUp('a', 100n));
    await hold(ledger.db, holding('h', 10n));
    await hold(ledger.db, { ...holding('h2', 50n), hold: { ...ledger.held, name: 'subscription-2' } });
    const to = [{ account: ledger.earnings, amount: micros(1n) }];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 15 }, (_, index) => capture(ledger.db, { key: `c${index}`, hold: ledger.held, to })),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(await balance(ledger.held)).toBe(0n);
  });

  it('of earnings, to be paid out, is refused beyond them, also where a refund took them below zero', async () => {
    const { earnings, provider, wallet, ids } = ledger;
    const payout = { kind: 'hold' as const, ownerId: ids.producer, currency: 'EUR' as const, name: 'payout-1' };
    await post(ledger.db, topUp('earned', 10n, earnings));
    const requested = { key: 'p', hold: payout, amount: micros(11n), of: 'earnings' as const };
    expect(await refusalOf(hold(ledger.db, requested))).toBe(
      'payment-required: amount: expected at most 0.00001, which is what the earnings have',
    );
    await hold(ledger.db, { ...requested, amount: micros(10n) });
    const refund = [
      { account: earnings, amount: -3n },
      { account: wallet, amount: 3n },
    ];
    await post(ledger.db, { key: 'refund', kind: 'credit', entries: refund });
    await capture(ledger.db, { key: 'paid', hold: payout, to: [{ account: provider, amount: micros(10n) }] });
    expect(await hold(ledger.db, { ...requested, amount: micros(10n) })).toMatchObject({ status: 'already-posted' });
    expect(await Promise.all([earnings, payout, provider].map(balance))).toEqual([-3n, 0n, 0n]);
  });

  it('of many subscriptions is captured from in one posting', async () => {
    await post(ledger.db, topUp('a', 1_000n));
    const holds = Array.from({ length: 50 }, (_, index) => ({ ...ledger.held, name: `subscription-${index}` }));
    for (const [index, each] of holds.entries()) {
      await hold(ledger.db, { key: `h${index}`, hold: each, amount: micros(20n) });
    }
    const to = [{ account: ledger.earnings, amount: micros(20n) }];
    await postAll(
      ledger.db,
      holds.map((each, index) => captureTransaction({ key: `c${index}`, hold: each, to })),
    );
    expect(await balance(ledger.earnings)).toBe(1_000n);
  });
});

describe('a reversal', () => {
  it('takes back exactly what it names, once', async () => {
    await post(ledger.db, topUp('a', 100n));
    const { transactionId } = await post(ledger.db, debit('b', 30n));
    const reversal = { key: 'reversal-of-b', transactionId };
    const first = await reverse(ledger.db, reversal);
    expect(await reverse(ledger.db, reversal)).toEqual({ ...first, status: 'already-posted' });
    expect(await refusalOf(reverse(ledger.db, { ...reversal, key: 'again' }))).toBe(
      'conflict: the transaction has been reversed already',
    );
    expect(await Promise.all([ledger.wallet, ledger.earnings, ledger.fee].map(balance))).toEqual([100n, 0n, 0n]);
  });

  it('under several keys at once happens once', async () => {
    const { transactionId } = await post(ledger.db, topUp('a', 100n));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => reverse(ledger.db, { key: `r${index}`, transactionId })),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await balance(ledger.wallet)).toBe(0n);
  });

  it('is refused of what is not there, and where the money is gone', async () => {
    expect(await refusalOf(reverse(ledger.db, { key: 'r', transactionId: 1n }))).toBe(
      'not-found: there is no such transaction',
    );
    const { transactionId } = await post(ledger.db, topUp('a', 10n));
    await post(ledger.db, debit('b', 5n));
    expect(await refusalOf(reverse(ledger.db, { key: 'r', transactionId }))).toContain('payment-required');
  });
});
