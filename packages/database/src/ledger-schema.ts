import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  check,
  customType,
  index,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { subscriptions, users } from './schema.ts';

const id = () => bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity();
const reference = (name: string) => bigint(name, { mode: 'bigint' });
const transactionNumber = customType<{ data: string }>({ dataType: () => 'xid8' });

/**
 * The ledger's accounts. Of what a user owns or owes, `owner_id` is the user; the platform's own have none. A balance is
 * what the account's entries add up to; nothing but the insertion of entries changes it, and wallets and holds never
 * fall below zero. Both are kept by triggers (see the migration `ledger_rules`). Refunds are what their owner owes, and never
 * rise above zero. Owned by packages/ledger.
 */
export const ledgerAccounts = pgTable(
  'ledger_accounts',
  {
    id: id(),
    kind: text('kind', { enum: ['wallet', 'hold', 'earnings', 'fee', 'provider', 'refunds'] }).notNull(),
    ownerId: reference('owner_id').references(() => users.id),
    currency: text('currency').notNull(),
    /** Which hold or provider it is; empty for the other kinds. */
    name: text('name').notNull().default(''),
    /** All of the above in one: `EUR:wallet:12:`. */
    code: text('code')
      .notNull()
      .generatedAlwaysAs(sql`currency || ':' || kind || ':' || coalesce(owner_id::text, '') || ':' || name`),
    balance: bigint('balance', { mode: 'bigint' }).notNull().default(sql`0`),
  },
  (table) => [
    uniqueIndex('ledger_accounts_code').on(table.code),
    index('ledger_accounts_owner').on(table.ownerId),
    check('ledger_accounts_kind', sql`${table.kind} in ('wallet', 'hold', 'earnings', 'fee', 'provider', 'refunds')`),
    check('ledger_accounts_owned', sql`(${table.ownerId} is null) = (${table.kind} in ('fee', 'provider'))`),
    check('ledger_accounts_named', sql`(${table.name} = '') = (${table.kind} not in ('hold', 'provider'))`),
    check('ledger_accounts_currency', sql`${table.currency} ~ '^[A-Z]{3}$'`),
    check('ledger_accounts_covered', sql`${table.kind} not in ('wallet', 'hold') or ${table.balance} >= 0`),
    check('ledger_accounts_owed', sql`${table.kind} <> 'refunds' or ${table.balance} <= 0`),
  ],
);

/**
 * What was posted, once per key for ever. Append-only; the entries of a transaction are inserted in the same database
 * transaction, by one statement, and add up to zero in each currency. Owned by packages/ledger.
 */
export const ledgerTransactions = pgTable(
  'ledger_transactions',
  {
    id: id(),
    /** Whoever posts the same again uses the same key, and nothing happens. */
    key: text('key').notNull(),
    kind: text('kind').notNull(),
    /** The subscription it is about, if it is about one. */
    subscriptionId: reference('subscription_id').references(() => subscriptions.id),
    /** The transaction whose entries this one takes back. */
    reverses: reference('reverses').references((): AnyPgColumn => ledgerTransactions.id),
    postedAt: timestamp('posted_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    /** The database transaction that inserted it; set by a trigger. */
    postedIn: transactionNumber('posted_in').notNull().default(sql`pg_current_xact_id()`),
  },
  (table) => [
    uniqueIndex('ledger_transactions_key').on(table.key),
    uniqueIndex('ledger_transactions_reverses').on(table.reverses),
    index('ledger_transactions_subscription').on(table.subscriptionId, table.id),
    index('ledger_transactions_posted').using('brin', table.postedAt),
    check('ledger_transactions_key_length', sql`length(${table.key}) between 1 and 200`),
  ],
);

/**
 * What a transaction adds to (credit, positive) or takes from (debit, negative) each of its accounts, in micro-units.
 * Append-only. Owned by packages/ledger.
 */
export const ledgerEntries = pgTable(
  'ledger_entries',
  {
    transactionId: reference('transaction_id')
      .notNull()
      .references(() => ledgerTransactions.id),
    accountId: reference('account_id')
      .notNull()
      .references(() => ledgerAccounts.id),
    amount: bigint('amount', { mode: 'bigint' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.transactionId, table.accountId] }),
    index('ledger_entries_account').on(table.accountId, table.transactionId),
    check('ledger_entries_amount', sql`${table.amount} <> 0`),
  ],
);

/**
 * Which entries of owned accounts are money that came, went or was given back, and not use being charged or money set aside for
 * it, of which there is very much more. Written by a trigger with the entries (see the migration `ledger_movements`).
 */
export const ledgerMovements = pgTable(
  'ledger_movements',
  {
    accountId: reference('account_id')
      .notNull()
      .references(() => ledgerAccounts.id),
    transactionId: reference('transaction_id')
      .notNull()
      .references(() => ledgerTransactions.id),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.transactionId] })],
);
