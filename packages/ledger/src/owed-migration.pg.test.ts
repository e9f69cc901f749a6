import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { balanceOf } from './balance-of.ts';
import { checkBooks } from './check-books.ts';
import type { LedgerAccount } from './ledger-account.ts';
import { post } from './post.ts';
import { openTestLedger, type TestLedger } from './testing/open-ledger.ts';

let ledger: TestLedger;

beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.close());

async function migrate(): Promise<void> {
  const text = await readFile(new URL('../../../drizzle/0020_owed.sql', import.meta.url), 'utf8');
  await ledger.sql.begin(async (tx) => {
    for (const statement of text.split('--> statement-breakpoint')) await tx.unsafe(statement);
  });
}

it('what was paid back beyond what was owed goes to the wallets of those who paid it, and then cannot happen again', async () => {
  const { db, ids, wallet, otherWallet, provider } = ledger;
  const refunds = (ownerId: bigint): LedgerAccount => ({ kind: 'refunds', ownerId, currency: 'EUR' });
  const pay = (key: string, ...entries: [LedgerAccount, bigint][]) =>
    post(db, {
      key,
      kind: 'top-up',
      entries: [
        ...entries.map(([account, amount]) => ({ account, amount })),
        { account: provider, amount: -entries.reduce((sum, [, amount]) => sum + amount, 0n) },
      ],
    });
  await ledger.sql`alter table ledger_accounts drop constraint ledger_accounts_owed`;
  await pay('wallet and debt', [wallet, 5n], [refunds(ids.consumer), 30n]);
  await pay('debt only', [refunds(ids.other), 7n]);
  await pay('owed', [refunds(ids.producer), -3n]);

  await migrate();
  expect([await balanceOf(db, wallet), await balanceOf(db, refunds(ids.consumer))]).toEqual([35n, 0n]);
  expect([await balanceOf(db, otherWallet), await balanceOf(db, refunds(ids.other))]).toEqual([7n, 0n]);
  expect(await balanceOf(db, refunds(ids.producer))).toBe(-3n);
  expect((await checkBooks(db)).mismatch).toBeUndefined();
  await expect(pay('again', [refunds(ids.consumer), 1n])).rejects.toMatchObject({ kind: 'conflict' });
});
