import type { Currency } from './money.ts';

/**
 * An account of the ledger, in one currency. Money that belongs to someone is positive: in a consumer's wallet, in a hold
 * (taken out of a wallet or earnings for a purpose, and never more than that), in a producer's earnings, in the platform's
 * fees. A payment provider's account is negative by what it has received for us. Refunds are negative by what their owner
 * owes us, because a payment was taken back that was spent. Wallets and holds are never below zero, refunds never above.
 */
export type LedgerAccount =
  | { readonly kind: 'wallet' | 'earnings' | 'refunds'; readonly ownerId: bigint; readonly currency: Currency }
  | HoldAccount
  | { readonly kind: 'fee'; readonly currency: Currency }
  | { readonly kind: 'provider'; readonly currency: Currency; readonly name: string };

/** What is held of one owner for one purpose, such as a subscription. `name` tells an owner's holds apart. */
export interface HoldAccount {
  readonly kind: 'hold';
  readonly ownerId: bigint;
  readonly currency: Currency;
  readonly name: string;
}

/** One text for an account, as the database makes it too: `EUR:wallet:12:`, `EUR:hold:12:subscription-7`, `EUR:fee::`. */
export function codeOf(account: LedgerAccount): string {
  return [account.currency, account.kind, ownerOf(account) ?? '', nameOf(account)].join(':');
}

/** The user an account belongs to; null for the platform's own. */
export function ownerOf(account: LedgerAccount): bigint | null {
  return 'ownerId' in account ? account.ownerId : null;
}

/** Which hold or provider it is; empty for other kinds. */
export function nameOf(account: LedgerAccount): string {
  return 'name' in account ? account.name : '';
}
