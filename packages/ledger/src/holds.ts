import { Refusal } from '@motience/protocol';
import { balanceOf } from './balance-of.ts';
import type { HoldAccount, LedgerAccount } from './ledger-account.ts';
import { formatAmount, type Micros } from './money.ts';
import { type LedgerDatabase, type Posted, post } from './post.ts';
import type { Entry, Transaction } from './transaction.ts';

/** What money is held from, and released to: the wallet or the earnings of the hold's owner. */
export type HeldFrom = 'wallet' | 'earnings';

export interface Holding {
  readonly key: string;
  readonly hold: HoldAccount;
  readonly amount: Micros;
  readonly of?: HeldFrom;
  readonly subscriptionId?: bigint | undefined;
}

export interface Capture {
  readonly key: string;
  readonly hold: HoldAccount;
  /** Who gets how much of what is held. */
  readonly to: readonly { readonly account: LedgerAccount; readonly amount: Micros }[];
  readonly subscriptionId?: bigint | undefined;
}

/**
 * Sets money aside, so that nothing else can be paid with it: the hold grows by the amount. Refuses with
 * `payment-required` if the wallet, or the earnings, have less.
 */
export function hold(db: LedgerDatabase, holding: Holding): Promise<Posted> {
  const transaction = holdTransaction(holding);
  if (holding.of !== 'earnings') return post(db, transaction);
  return db.transaction(async (tx) => {
    const posted = await post(tx, transaction);
    // Nothing else keeps earnings from falling below zero. The posting has locked them.
    const rest = posted.status === 'posted' ? await balanceOf(tx, sourceOf(holding)) : 0n;
    if (rest < 0n) {
      const earned = rest + holding.amount;
      const message = `expected at most ${formatAmount(earned > 0n ? earned : 0n)}, which is what the earnings have`;
      throw new Refusal('payment-required', `amount: ${message}`, { details: [{ path: 'amount', message }] });
    }
    return posted;
  });
}

/** Pays out of a hold. Refuses with `payment-required` if it has less. The same as posting `captureTransaction`. */
export function capture(db: LedgerDatabase, captured: Capture): Promise<Posted> {
  return post(db, captureTransaction(captured));
}

/** Gives back what was held. Refuses with `payment-required` if the hold has less. */
export function release(db: LedgerDatabase, released: Holding): Promise<Posted> {
  const { key, hold, amount, subscriptionId } = released;
  return post(db, {
    key,
    kind: 'release',
    entries: [
      { account: hold, amount: -amount },
      { account: sourceOf(released), amount },
    ],
    subscriptionId,
  });
}

/** For posting many captures at once with `postAll`. */
export function captureTransaction({ key, hold, to, subscriptionId }: Capture): Transaction {
  const total = to.reduce((sum, { amount }) => sum + amount, 0n);
  return { key, kind: 'capture', entries: [{ account: hold, amount: -total }, ...to], subscriptionId };
}

function holdTransaction(holding: Holding): Transaction {
  const { key, hold, amount, subscriptionId } = holding;
  const entries: Entry[] = [
    { account: sourceOf(holding), amount: -amount },
    { account: hold, amount },
  ];
  return { key, kind: 'hold', entries, subscriptionId };
}

function sourceOf({ hold: { ownerId, currency }, of = 'wallet' }: Holding): LedgerAccount {
  return { kind: of, ownerId, currency };
}
