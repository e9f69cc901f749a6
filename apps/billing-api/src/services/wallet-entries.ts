import type { Queryable } from '@motience/database';
import { balanceOf, type Entry } from '@motience/ledger';
import type { Currency } from '@motience/ledger/pricing';

/** Entries that give an account money: what it owes is paid first, the rest goes to its wallet. */
export async function creditEntries(
  tx: Queryable,
  ownerId: bigint,
  currency: Currency,
  amount: bigint,
): Promise<Entry[]> {
  const debt = { kind: 'refunds', ownerId, currency } as const;
  const owed = -(await balanceOf(tx, debt));
  const paid = owed <= 0n ? 0n : owed < amount ? owed : amount;
  return [
    { account: debt, amount: paid },
    { account: { kind: 'wallet', ownerId, currency }, amount: amount - paid },
  ];
}

/** Entries that take money back from an account: from its wallet, and what is not there it owes. */
export async function debitEntries(
  tx: Queryable,
  ownerId: bigint,
  currency: Currency,
  amount: bigint,
): Promise<Entry[]> {
  const wallet = { kind: 'wallet', ownerId, currency } as const;
  const balance = await balanceOf(tx, wallet);
  const taken = balance < amount ? balance : amount;
  return [
    { account: wallet, amount: -taken },
    { account: { kind: 'refunds', ownerId, currency }, amount: taken - amount },
  ];
}
