import type { ledgerAccounts } from '@motience/database';
import type { LedgerAccount } from './ledger-account.ts';
import { currencySchema } from './money.ts';

/** An account as the database has it. Throws if it is none that this version of the ledger knows. */
export function accountOf(row: typeof ledgerAccounts.$inferSelect): LedgerAccount {
  const { kind, ownerId, name } = row;
  const currency = currencySchema.parse(row.currency);
  if (kind === 'fee') return { kind, currency };
  if (kind === 'provider') return { kind, currency, name };
  if (ownerId === null) throw new Error(`the account ${row.code} has no owner`);
  return kind === 'hold' ? { kind, ownerId, currency, name } : { kind, ownerId, currency };
}
