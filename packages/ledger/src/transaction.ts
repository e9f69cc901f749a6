import { Refusal } from '@motience/protocol';
import { codeOf, type LedgerAccount, nameOf } from './ledger-account.ts';
import { maxMicros } from './money.ts';

/** Why money moved. */
export type TransactionKind =
  | 'top-up'
  | 'hold'
  | 'capture'
  | 'release'
  | 'credit'
  | 'refund'
  | 'dispute'
  | 'payout'
  | 'reversal';

/** What goes to an account (credit, positive) or comes from it (debit, negative), in micro-units of its currency. */
export interface Entry {
  readonly account: LedgerAccount;
  readonly amount: bigint;
}

/** A movement of money between accounts, which adds up to zero in each currency. */
export interface Transaction {
  /** Names this movement for ever: whoever is not sure whether it was posted posts it again under the same key. */
  readonly key: string;
  readonly kind: TransactionKind;
  /** Several entries of one account count as their sum, and those of nothing are left out. */
  readonly entries: readonly Entry[];
  readonly subscriptionId?: bigint | undefined;
  /** The id of the posted transaction that this one takes back. */
  readonly reverses?: bigint | undefined;
}

/** A transaction that was checked: one entry per account, in the order of the accounts' codes. */
export interface Draft extends Transaction {
  readonly entries: readonly (Entry & { readonly code: string })[];
  /** The same for two transactions if and only if they say the same, apart from their keys. */
  readonly content: string;
}

const maxEntries = 1_000;
const maxNameLength = 200;

/** Checks a transaction before anything is written. Refuses with `invalid-request` what could never be posted. */
export function draft(transaction: Transaction): Draft {
  const { key, kind, subscriptionId, reverses } = transaction;
  if (key.length < 1 || key.length > maxNameLength) throw invalid('key', `expected 1 to ${maxNameLength} characters`);
  if (transaction.entries.length > maxEntries) throw invalid('entries', `expected at most ${maxEntries}`);
  const entries = mergeEntries(transaction.entries);
  if (entries.length === 0) throw invalid('entries', 'expected at least one that is not of nothing');
  const totals = new Map<string, bigint>();
  for (const { account, amount } of entries) {
    totals.set(account.currency, (totals.get(account.currency) ?? 0n) + amount);
    if (amount > maxMicros || amount < -maxMicros) throw invalid('entries', 'an amount is too large');
    if ('name' in account && (nameOf(account).length < 1 || nameOf(account).length > maxNameLength)) {
      throw invalid('entries', `expected 1 to ${maxNameLength} characters in the name of a ${account.kind}`);
    }
  }
  for (const [currency, total] of totals) {
    if (total !== 0n) throw invalid('entries', `expected to add up to zero in ${currency}, not to ${total}`);
  }
  return { ...transaction, entries, content: contentOf({ kind, subscriptionId, reverses, entries }) };
}

/** Comparable text of what a transaction says. `entries` have to be one per account. */
export function contentOf(said: {
  kind: string;
  subscriptionId: bigint | null | undefined;
  reverses: bigint | null | undefined;
  entries: readonly { code: string; amount: bigint }[];
}): string {
  const entries = said.entries.map(({ code, amount }) => `${code}=${amount}`).sort();
  return [said.kind, said.subscriptionId ?? '', said.reverses ?? '', ...entries].join('\n');
}

function mergeEntries(entries: readonly Entry[]): Draft['entries'] {
  const merged = new Map<string, Entry & { code: string }>();
  for (const { account, amount } of entries) {
    const code = codeOf(account);
    merged.set(code, { account, code, amount: amount + (merged.get(code)?.amount ?? 0n) });
  }
  return [...merged.values()].filter(({ amount }) => amount !== 0n).sort((a, b) => (a.code < b.code ? -1 : 1));
}

function invalid(path: string, message: string): Refusal {
  return new Refusal('invalid-request', `${path}: ${message}`, { details: [{ path, message }] });
}
