import { ledgerAccounts, type Queryable } from '@motience/database';
import { eq } from 'drizzle-orm';
import { codeOf, type LedgerAccount } from './ledger-account.ts';

/** What an account's entries add up to, in micro-units of its currency; 0 for one that nothing was posted to. */
export async function balanceOf(db: Queryable, account: LedgerAccount): Promise<bigint> {
  const [row] = await find(db, account);
  return row?.balance ?? 0n;
}

/** `balanceOf`, which stays what it is until the transaction ends, unless the account is opened in between. */
export async function lockBalance(tx: Queryable, account: LedgerAccount): Promise<bigint> {
  const [row] = await find(tx, account).for('no key update');
  return row?.balance ?? 0n;
}

function find(db: Queryable, account: LedgerAccount) {
  return db
    .select({ balance: ledgerAccounts.balance })
    .from(ledgerAccounts)
    .where(eq(ledgerAccounts.code, codeOf(account)));
}
