/** The double-entry ledger in PostgreSQL. Amounts and prices are in `@motience/ledger/pricing`. */
export { balanceOf, lockBalance } from './balance-of.ts';
export { type BooksReport, checkBooks } from './check-books.ts';
export { type Capture, capture, captureTransaction, type HeldFrom, type Holding, hold, release } from './holds.ts';
export { codeOf, type HoldAccount, type LedgerAccount } from './ledger-account.ts';
export { type LedgerDatabase, type Posted, post, postAll } from './post.ts';
export { type Reversal, reverse } from './reverse.ts';
export type { Entry, Transaction, TransactionKind } from './transaction.ts';
