import { ledgerAccounts, type Queryable } from '@motience/database';
import { inArray } from 'drizzle-orm';
import { type LedgerAccount, nameOf, ownerOf } from './ledger-account.ts';

/** The ids of accounts by their codes; accounts that nothing was posted to before are opened, with a balance of zero. */
export async function openAccounts(
  tx: Queryable,
  accounts: ReadonlyMap<string, LedgerAccount>,
): Promise<ReadonlyMap<string, bigint>> {
  const ids = await readIds(tx, [...accounts.keys()]);
  const missing = [...accounts].filter(([code]) => !ids.has(code)).sort(([a], [b]) => (a < b ? -1 : 1));
  if (missing.length === 0) return ids;
  // In the order of their codes, so that two who open the same accounts do not wait for each other in a circle.
  await tx
    .insert(ledgerAccounts)
    .values(
      missing.map(([, account]) => ({
        kind: account.kind,
        ownerId: ownerOf(account),
        currency: account.currency,
        name: nameOf(account),
      })),
    )
    .onConflictDoNothing({ target: ledgerAccounts.code });
  const opened = await readIds(
    tx,
    missing.map(([code]) => code),
  );
  return new Map([...ids, ...opened]);
}

async function readIds(tx: Queryable, codes: string[]): Promise<Map<string, bigint>> {
  const rows = await tx
    .select({ code: ledgerAccounts.code, id: ledgerAccounts.id })
    .from(ledgerAccounts)
    .where(inArray(ledgerAccounts.code, codes));
  return new Map(rows.map(({ code, id }) => [code, id]));
}
