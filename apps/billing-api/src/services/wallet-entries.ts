import { lockAccounts, type Queryable } from '@motience/database';
import { balanceOf, type Entry, lockBalance } from '@motience/ledger';
import type { Currency } from '@motience/ledger/pricing';

/**
 * Entries that give an account money: what it owes is paid first, the rest goes to its wallet. Locks the account, so that
 * what it owes stays so until they are posted.
 */
export async function creditEntries(
  tx: Queryable,
  ownerId: bigint,
  currency: Currency,
  amount: bigint,
): Promise<Entry[]> {
  await lockAccounts(tx, [ownerId]);
  const owed = await owedBy(tx, ownerId, currency);
  return divideCredit(ownerId, currency, amount, owed);
}

/** What an account owes; 0 if nothing. Others may pay it at the same time, unless the account is locked. */
export async function owedBy(tx: Queryable, ownerId: bigint, currency: Currency): Promise<bigint> {
  const balance = await balanceOf(tx, { kind: 'refunds', ownerId, currency });
  return balance < 0n ? -balance : 0n;
}

/** `creditEntries` for an account that owes so much. */
export function divideCredit(ownerId: bigint, currency: Currency, amount: bigint, owed: bigint): Entry[] {
  const paid = owed < amount ? owed : amount;
  return [
    { account: { kind: 'refunds', ownerId, currency }, amount: paid },
    { account: { kind: 'wallet', ownerId, currency }, amount: amount - paid },
  ];
}

/**
 * Entries that take money back from an account: from its wallet, and what is not there it owes. Locks both, so that they
 * stay so until the entries are posted.
 */
export async function debitEntries(
  tx: Queryable,
  ownerId: bigint,
  currency: Currency,
  amount: bigint,
): Promise<Entry[]> {
  const wallet = { kind: 'wallet', ownerId, currency } as const;
  await lockAccounts(tx, [ownerId]);
  const balance = await lockBalance(tx, wallet);
  const taken = balance < amount ? balance : amount;
  return [
    { account: wallet, amount: -taken },
    { account: { kind: 'refunds', ownerId, currency }, amount: taken - amount },
  ];
}
