import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { balanceOf } from './balance-of.ts';
import { checkBooks } from './check-books.ts';
import { post } from './post.ts';
import { reverse } from './reverse.ts';
import { openTestLedger, type TestLedger, tamper } from './testing/open-ledger.ts';

let ledger: TestLedger;
let topUp: bigint;

async function openBooks(): Promise<void> {
  ledger = await openTestLedger();
  const { wallet, provider } = ledger;
  const entries = [
    { account: wallet, amount: 100n },
    { account: provider, amount: -100n },
  ];
  ({ transactionId: topUp } = await post(ledger.db, { key: 'top-up', kind: 'top-up', entries }));
}

/** Runs statements by hand, in one transaction. `$w`, `$p` and `$t` are the ids of the wallet, the provider and the top-up. */
async function byHand(...statements: string[]): Promise<void> {
  await ledger.sql.begin(async (tx) => {
    for (const statement of statements) await tx.unsafe(await withIds(statement));
  });
}

async function withIds(statement: string): Promise<string> {
  const rows = await ledger.sql<{ kind: string; id: string }[]>`select kind, id from ledger_accounts`;
  const idOf = (kind: string) => rows.find((row) => row.kind === kind)?.id ?? 'null';
  return statement
    .replaceAll('$w', idOf('wallet'))
    .replaceAll('$p', idOf('provider'))
    .replaceAll('$t', String(topUp))
    .replaceAll('$n', `(select max(id) from ledger_transactions)`);
}

const newTransaction = `insert into ledger_transactions (key, kind) values ('by-hand', 'credit')`;
const entry = (account: string, amount: number, transaction = '$n') =>
  `insert into ledger_entries values (${transaction}, ${account}, ${amount})`;
const entries = (wallet: number, provider: number) => `${entry('$w', wallet)}, ($n, $p, ${provider})`;

describe('the database refuses, written by hand,', () => {
  beforeAll(openBooks);
  afterAll(() => ledger.close());

  it.each([
    ['a transaction that does not add up to zero', [newTransaction, entries(5, -4)], 'add up to zero'],
    ['a transaction without entries', [newTransaction], 'has no entries'],
    [
      'a transaction that would add up to zero only later',
      [newTransaction, entry('$w', 5), entry('$p', -5)],
      'add up to zero',
    ],
    [
      'an unbalanced transaction also where constraints were checked before',
      [
        'set constraints all immediate',
        `with made as (${newTransaction} returning id)
         insert into ledger_entries select id, $w, 5 from made`,
      ],
      'add up to zero',
    ],
    ['a wallet below zero', [newTransaction, entries(-101, 101)], 'below zero'],
    [
      'more paid back than is owed',
      [
        `insert into ledger_accounts (kind, owner_id, currency) select 'refunds', owner_id, currency from ledger_accounts
         where id = $w`,
        newTransaction,
        `insert into ledger_entries select $n, id, case kind when 'wallet' then -5 else 5 end from ledger_accounts
         where kind in ('wallet', 'refunds')`,
      ],
      'ledger_accounts_owed',
    ],
    ['a second entry of an account', [entry('$p', 5, '$t')], 'duplicate key'],
    [
      'balanced entries added to a transaction of before',
      [
        `insert into ledger_accounts (kind, currency) values ('fee', 'EUR')`,
        `insert into ledger_accounts (kind, currency, name) values ('provider', 'EUR', 'other')`,
        `insert into ledger_entries select $t, id, case kind when 'fee' then 5 else -5 end from ledger_accounts
         where kind = 'fee' or name = 'other'`,
      ],
      'gets no more entries',
    ],
    [
      'a transaction that claims to be of another database transaction',
      [`insert into ledger_transactions (key, kind, posted_in) values ('forged', 'credit', '3')`, entries(5, -4)],
      'add up to zero',
    ],
    ['an entry of nothing', [newTransaction, entry('$w', 0)], 'ledger_entries_amount'],
    ['a changed entry', ['update ledger_entries set amount = amount * 2'], 'append-only'],
    [
      'an entry changed by an insert',
      [
        `insert into ledger_entries values ($t, $w, 1) on conflict (transaction_id, account_id) do update set amount = 1`,
      ],
      'append-only',
    ],
    ['a deleted entry', ['delete from ledger_entries'], 'append-only'],
    ['emptied entries', ['truncate ledger_entries'], 'append-only'],
    ['a changed transaction', [`update ledger_transactions set key = 'free again'`], 'append-only'],
    ['a deleted transaction', ['delete from ledger_transactions'], 'append-only'],
    ['emptied transactions', ['truncate ledger_transactions cascade'], 'append-only'],
    ['emptied users', ['truncate users cascade'], 'append-only'],
    ['a deleted account', ['delete from ledger_accounts'], 'append-only'],
    ['a deleted owner', [`delete from users where username = 'consumer'`], 'foreign key'],
    ['a changed balance', ['update ledger_accounts set balance = balance + 1'], 'by entries only'],
    ['an account given to someone else', ['update ledger_accounts set owner_id = 2 where id = $w'], 'by entries only'],
    [
      'an account that begins with money',
      [`insert into ledger_accounts (kind, owner_id, currency, balance) values ('wallet', 2, 'EUR', 5)`],
      'begins at zero',
    ],
    ['a wallet of nobody', [`insert into ledger_accounts (kind, currency) values ('wallet', 'EUR')`], 'accounts_owned'],
    [
      'a second account for the same',
      [
        `insert into ledger_accounts (kind, owner_id, currency) select kind, owner_id, currency from ledger_accounts
        where id = $w`,
      ],
      'ledger_accounts_code',
    ],
    ['a key used twice', [newTransaction, newTransaction], 'ledger_transactions_key'],
    [
      'a reversal that takes back something else',
      [`insert into ledger_transactions (key, kind, reverses) values ('by-hand', 'reversal', $t)`, entries(-99, 99)],
      'does not take back',
    ],
  ])('%s', async (_title, statements, message) => {
    await expect(byHand(...statements)).rejects.toThrow(new RegExp(message));
    expect(await checkBooks(ledger.db)).toMatchObject({ transactions: 1n, mismatch: undefined });
    expect(await balanceOf(ledger.db, ledger.wallet)).toBe(100n);
  });

  it('nothing that is in order', async () => {
    await byHand(newTransaction, entries(-40, 40));
    expect(await balanceOf(ledger.db, ledger.wallet)).toBe(60n);
    expect((await checkBooks(ledger.db)).mismatch).toBeUndefined();
  });
});

describe('checking the books names', () => {
  beforeEach(openBooks);
  afterEach(() => ledger.close());

  it.each([
    [
      'a transaction that does not add up',
      'update ledger_entries set amount = 101 where account_id = $w',
      'transaction $t (top-up) adds up to 1 EUR, not to 0',
    ],
    ['a transaction without entries', 'delete from ledger_entries', 'transaction $t (top-up) has no entries'],
    [
      'entries without their transaction',
      'delete from ledger_transactions',
      'an entry of -100 belongs to transaction $t and account $p, which are not both there',
    ],
    [
      'a wrong balance',
      'update ledger_accounts set balance = 99 where id = $w',
      'account EUR:wallet:1: has the balance 99, but its entries add up to 100',
    ],
    [
      'a wallet below zero',
      `alter table ledger_accounts drop constraint ledger_accounts_covered;
       update ledger_entries set amount = -amount; update ledger_accounts set balance = -balance`,
      'account EUR:wallet:1: has the balance -100, which is below 0',
    ],
    [
      'more paid back than was owed',
      `alter table ledger_accounts drop constraint ledger_accounts_owed;
       update ledger_accounts set kind = 'refunds' where id = $w`,
      'account EUR:refunds:1: has the balance 100, though it is only what is owed, so at most 0',
    ],
    [
      'money that came and is not noted as a movement',
      'delete from ledger_movements',
      'transaction $t (top-up) is not noted as a movement of EUR:wallet:1:',
    ],
    [
      'a movement that is none',
      "update ledger_transactions set kind = 'hold'",
      'transaction $t (top-up) is noted as a movement of EUR:wallet:1:',
    ],
  ])('%s', async (_title, statement, mismatch) => {
    await tamper(ledger, await withIds(statement));
    expect((await checkBooks(ledger.db)).mismatch).toBe(await withIds(mismatch));
  });

  it('a reversal that is not exact', async () => {
    const { transactionId } = await reverse(ledger.db, { key: 'reversal', transactionId: topUp });
    await tamper(
      ledger,
      `update ledger_entries set amount = amount / 2 where transaction_id = ${transactionId};
       update ledger_accounts set balance = sign(balance + 1) * 50 where balance = 0 and kind = 'wallet';
       update ledger_accounts set balance = -50 where kind = 'provider'`,
    );
    expect((await checkBooks(ledger.db)).mismatch).toBe(
      `transaction ${transactionId} (reversal) does not take back exactly transaction ${topUp}`,
    );
  });
});
