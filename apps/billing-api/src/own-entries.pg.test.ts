import { type Database, openDatabase } from '@motience/database';
import { currencySchema, month } from '@motience/ledger/pricing';
import type { WalletLine } from '@motience/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rowsRead } from '../../../tests/support/rows-read.ts';
import { readWalletLines } from './services/read-wallet-lines.ts';
import { readStatement } from './statements/read-statement.ts';
import { type Books, openBooks } from './testing/open-books.ts';

const captures = 20_000;
const eur = currencySchema.parse('EUR');
const thisMonth = month(new Date().toISOString().slice(0, 7));

let books: Books;
let other: bigint;
let reader: Database;
const readSoFar = () =>
  rowsRead(reader, 'ledger_accounts', 'ledger_entries', 'ledger_transactions', 'ledger_movements');
const wallet = (ownerId: bigint) => ({ kind: 'wallet', ownerId, currency: 'EUR' }) as const;

/** Postings as settlement makes them by the thousand, between an account's own accounts or to the platform. */
async function bulk(
  name: string,
  kind: string,
  count: number,
  entries: readonly (readonly [code: string, amount: number])[],
) {
  const rows = entries.map(
    ([code, amount]) => `select t.id, a.id, ${amount} from t, ledger_accounts a where a.code = '${code}'`,
  );
  await books.tamper(`
    with t as (insert into ledger_transactions (key, kind)
      select '${name}:' || n, '${kind}' from generate_series(1, ${count}) n returning id)
    insert into ledger_entries (transaction_id, account_id, amount) ${rows.join(' union all ')}`);
}

beforeAll(async () => {
  books = await openBooks();
  other = await books.addUser('consumer', 'other');
  await books.topUp(5_000_000n, undefined, wallet(books.consumer));
  await books.topUp(7_000_000n, undefined, wallet(other));
  for (const owner of [books.consumer, other]) {
    await books.tamper(
      `insert into ledger_accounts (kind, owner_id, currency, name) values ('hold', ${owner}, 'EUR', 's')`,
    );
  }
  await books.tamper("insert into ledger_accounts (kind, currency) values ('fee', 'EUR')");
  await bulk('theirs', 'capture', captures, [
    [`EUR:hold:${other}:s`, -1],
    ['EUR:fee::', 1],
  ]);
  await bulk('set aside', 'hold', 600, [
    [`EUR:wallet:${books.consumer}:`, -1],
    [`EUR:hold:${books.consumer}:s`, 1],
  ]);
  await bulk('own', 'capture', 3, [
    [`EUR:hold:${books.consumer}:s`, -1],
    ['EUR:fee::', 1],
  ]);
  await books.topUp(6_000_000n, undefined, wallet(books.consumer));
  await books.sql`vacuum analyze`;
  reader = openDatabase(books.url, { maxConnections: 1 });
}, 120_000);
afterAll(async () => {
  await reader.close();
  await books.close();
});

it('what changed a wallet is found among the own entries, whatever others have', async () => {
  const before = await readSoFar();
  const { items, next_cursor } = await readWalletLines(reader, books.consumer, eur, { limit: 5, cursor: undefined });
  expect(items.map(({ kind, amount }) => `${kind} ${amount}`)).toEqual([
    'top-up 6.00',
    ...['capture -0.000001', 'capture -0.000001', 'capture -0.000001'],
    'top-up 5.00',
  ]);
  expect(next_cursor).toBeNull();
  expect((await readSoFar()) - before).toBeLessThan(captures / 4);
});

it('pages of it follow each other over what was only set aside', async () => {
  const seen: WalletLine[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await readWalletLines(reader, books.consumer, eur, { limit: 2, cursor: cursor ?? undefined });
    seen.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null && seen.length < 20);
  expect(seen.map(({ kind }) => kind)).toEqual(['top-up', 'capture', 'capture', 'capture', 'top-up']);
});

it('a statement reads the money that came and went, and not what use was charged bit by bit', async () => {
  const before = await readSoFar();
  const { lines, balances } = await readStatement(reader, { accountId: other, month: thisMonth, limit: 50 });
  expect(lines.map(({ kind, amount }) => `${kind} ${amount}`)).toEqual(['top-up 7.00']);
  expect(balances).toMatchObject([{ movements: '7.00' }]);
  expect((await readSoFar()) - before).toBeLessThan(captures / 4);
});
