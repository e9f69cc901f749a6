import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  index,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { ledgerTransactions } from './ledger-schema.ts';
import { subscriptions, users } from './schema.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const number = (name: string) => bigint(name, { mode: 'bigint' });
const subscription = () =>
  number('subscription_id')
    .notNull()
    .references(() => subscriptions.id);

/**
 * The time a subscription on a plan by time was charged for, or had free in a trial: intervals of whole seconds, from the
 * first instant until before the last, that do not overlap. Their sum is the seconds of its days. Owned by billing-api.
 */
export const deliveredTime = pgTable(
  'delivered_time',
  {
    subscriptionId: subscription(),
    fromAt: instant('from_at').notNull(),
    untilAt: instant('until_at').notNull(),
    inTrial: boolean('in_trial').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.subscriptionId, table.fromAt] }),
    index('delivered_time_until').on(table.subscriptionId, table.untilAt),
    check('delivered_time_order', sql`${table.fromAt} < ${table.untilAt}`),
  ],
);

/**
 * Up to which day (UTC, included) a subscription is closed: nothing is charged to that day or one before any more, its
 * silences up to there are credited, and the statement lines of the months that ended by then are written. Owned by billing-api.
 */
export const subscriptionClosings = pgTable('subscription_closings', {
  subscriptionId: subscription().primaryKey(),
  closedThrough: date('closed_through', { mode: 'string' }).notNull(),
  /** The last day of which nothing was known about silences, because readings were not persisted. */
  unheardThrough: date('unheard_through', { mode: 'string' }),
});

/**
 * What a subscription used and was charged in a month that is closed: what the statements say, for ever. Append-only (see
 * the migration `books`). Owned by billing-api.
 */
export const statementLines = pgTable(
  'statement_lines',
  {
    subscriptionId: subscription(),
    month: text('month').notNull(),
    /** What the parties were called when it was written. */
    consumerName: text('consumer_name'),
    producerName: text('producer_name'),
    readings: number('readings').notNull(),
    bytes: number('bytes').notNull(),
    seconds: number('seconds').notNull(),
    trialReadings: number('trial_readings').notNull(),
    trialBytes: number('trial_bytes').notNull(),
    trialSeconds: number('trial_seconds').notNull(),
    charged: number('charged').notNull(),
    fee: number('fee').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.subscriptionId, table.month] }),
    check('statement_lines_month', sql`${table.month} ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'`),
  ],
);

/**
 * The accounts' statements that are final: those of this month and of all before it. Written once nothing of the account's
 * month is still to be charged, posted or closed. Append-only (see the migration `statement_finals`). Owned by billing-api.
 */
export const statementFinals = pgTable(
  'statement_finals',
  {
    accountId: number('account_id')
      .notNull()
      .references(() => users.id),
    month: text('month').notNull(),
    /** What the account was called then. */
    accountName: text('account_name').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.month] }),
    check('statement_finals_month', sql`${table.month} ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'`),
  ],
);

/**
 * The seconds of a day on which the stream was silent for longer than the plan promised, of those that were paid for, and
 * what the consumer was credited for them. Once per subscription and day. Owned by billing-api.
 */
export const silenceCredits = pgTable(
  'silence_credits',
  {
    subscriptionId: subscription(),
    day: date('day', { mode: 'string' }).notNull(),
    seconds: number('seconds').notNull(),
    /** 0 where the month costs the same without these seconds, and nothing was posted. May be for seconds of days before. */
    amount: number('amount').notNull(),
    transactionId: number('transaction_id').references(() => ledgerTransactions.id),
  },
  (table) => [
    primaryKey({ columns: [table.subscriptionId, table.day] }),
    uniqueIndex('silence_credits_transaction').on(table.transactionId),
    check(
      'silence_credits_posted',
      sql`least(${table.seconds}, ${table.amount}) >= 0 and greatest(${table.seconds}, ${table.amount}) > 0
        and (${table.amount} = 0) = (${table.transactionId} is null)`,
    ),
  ],
);

/** Earnings on their way to a producer. What is asked for is held until it is paid or has failed. Owned by billing-api. */
export const payouts = pgTable(
  'payouts',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    producerId: number('producer_id')
      .notNull()
      .references(() => users.id),
    currency: text('currency').notNull(),
    amount: number('amount').notNull(),
    /** Of the producer's request: once. */
    key: text('key').notNull(),
    status: text('status', { enum: ['requested', 'approved', 'paid', 'failed'] }).notNull(),
    /** What the bank calls the payment; why it failed. */
    note: text('note'),
    requestedAt: instant('requested_at').notNull().defaultNow(),
    approvedAt: instant('approved_at'),
    /** When it was paid, or had failed. */
    endedAt: instant('ended_at'),
  },
  (table) => [
    uniqueIndex('payouts_key').on(table.producerId, table.key),
    index('payouts_producer').on(table.producerId, table.id),
    index('payouts_open').on(table.id).where(sql`${table.endedAt} is null`),
    check('payouts_amount', sql`${table.amount} > 0`),
    check('payouts_status', sql`${table.status} in ('requested', 'approved', 'paid', 'failed')`),
    check('payouts_ended', sql`(${table.status} in ('paid', 'failed')) = (${table.endedAt} is not null)`),
  ],
);
