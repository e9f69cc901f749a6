import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  date,
  index,
  integer,
  pgSequence,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { ledgerTransactions } from './ledger-schema.ts';
import { subscriptions, users } from './schema.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const id = () => bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity();
const number = (name: string) => bigint(name, { mode: 'bigint' });
const total = (name: string) => number(name).notNull().default(sql`0`);
const user = (name: string) =>
  number(name)
    .notNull()
    .references(() => users.id);
const subscription = () =>
  number('subscription_id')
    .notNull()
    .references(() => subscriptions.id);

/** Numbers the turns of settlement: the later decides about a credit. */
export const settlementTurns = pgSequence('settlement_turns');

/** What is known of a subscription on a plan beside what it used. Owned by billing-api. */
export const subscriptionMeters = pgTable(
  'subscription_meters',
  {
    subscriptionId: subscription().primaryKey(),
    consumerId: user('consumer_id'),
    producerId: user('producer_id'),
    /** The platform's part of its charges, in parts per million; kept for the subscription's life. */
    feePpm: integer('fee_ppm').notNull(),
    /** `idle`: nobody receives it, nothing is held for it. */
    state: text('state', { enum: ['idle', 'open', 'stopped'] }).notNull(),
    /** Why it is stopped. */
    reason: text('reason'),
    /** When use was last charged; later use is never charged to an earlier day, whatever a clock says. */
    settledAt: instant('settled_at').notNull(),
    /** On a plan by time, while it is open: the time up to here is charged, and that up to `paid_until` is held. */
    accruedUntil: instant('accrued_until'),
    paidUntil: instant('paid_until'),
    /** Units of its credit used per second lately. */
    rate: total('rate'),
    /** All the consumer had in the plan's currency when it was looked at last, and most since that grew; for warnings. */
    funds: total('funds'),
    fundsPeak: total('funds_peak'),
  },
  (table) => [
    index('subscription_meters_active').on(table.subscriptionId).where(sql`${table.state} <> 'idle'`),
    index('subscription_meters_consumer').on(table.consumerId),
    check('subscription_meters_state', sql`${table.state} in ('idle', 'open', 'stopped')`),
    check('subscription_meters_reason', sql`(${table.state} = 'stopped') = (${table.reason} is not null)`),
    check('subscription_meters_time', sql`(${table.accruedUntil} is null) = (${table.paidUntil} is null)`),
  ],
);

/**
 * What was delivered to a consumer of a producer's stream: intervals of seq that neither overlap nor could be joined, with
 * the stream's running totals of bytes around them. Each names the subscription and the day (UTC) that it counts for: the
 * first to which it was delivered. Owned by billing-api.
 */
export const deliveredIntervals = pgTable(
  'delivered_intervals',
  {
    consumerId: user('consumer_id'),
    producerId: user('producer_id'),
    epoch: text('epoch').notNull(),
    firstSeq: number('first_seq').notNull(),
    lastSeq: number('last_seq').notNull(),
    /** Bytes of all readings of the epoch before the first, and up to the last. */
    bytesBefore: number('bytes_before').notNull(),
    bytesThrough: number('bytes_through').notNull(),
    subscriptionId: subscription(),
    day: date('day', { mode: 'string' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.consumerId, table.producerId, table.epoch, table.firstSeq] }),
    index('delivered_intervals_subscription').on(table.subscriptionId, table.day),
    check('delivered_intervals_order', sql`${table.firstSeq} between 1 and ${table.lastSeq}`),
    check('delivered_intervals_bytes', sql`${table.bytesBefore} between 0 and ${table.bytesThrough}`),
  ],
);

/**
 * What was delivered of readings that nobody keeps any more, so that they can never be delivered again: the intervals of a
 * subscription, day and epoch as one row, which says where they began and ended and what they add up to. Whatever lies at or before
 * the last seq of any of these rows between a consumer and a producer counts as delivered. Owned by billing-api.
 */
export const deliveredSums = pgTable(
  'delivered_sums',
  {
    consumerId: user('consumer_id'),
    producerId: user('producer_id'),
    epoch: text('epoch').notNull(),
    subscriptionId: subscription(),
    day: date('day', { mode: 'string' }).notNull(),
    firstSeq: number('first_seq').notNull(),
    lastSeq: number('last_seq').notNull(),
    bytesBefore: number('bytes_before').notNull(),
    bytesThrough: number('bytes_through').notNull(),
    /** How many intervals these were, and what of the readings between was delivered. */
    intervals: number('intervals').notNull(),
    readings: number('readings').notNull(),
    bytes: number('bytes').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.subscriptionId, table.day, table.epoch] }),
    index('delivered_sums_place').on(table.consumerId, table.producerId, table.epoch, table.lastSeq),
    check('delivered_sums_readings', sql`${table.readings} between 1 and ${table.lastSeq} - ${table.firstSeq} + 1`),
    check('delivered_sums_intervals', sql`${table.intervals} between 1 and ${table.readings}`),
    check('delivered_sums_bytes', sql`${table.bytes} >= 0`),
  ],
);

/**
 * What a subscription used on a day (UTC), what of it was free (in the trial, or because there was no money for it), and
 * what it was charged; amounts in micro-units of the plan's currency. A month is the sum of its days. Owned by billing-api.
 */
export const subscriptionDays = pgTable(
  'subscription_days',
  {
    subscriptionId: subscription(),
    day: date('day', { mode: 'string' }).notNull(),
    readings: total('readings'),
    bytes: total('bytes'),
    seconds: total('seconds'),
    trialReadings: total('trial_readings'),
    trialBytes: total('trial_bytes'),
    trialSeconds: total('trial_seconds'),
    /** All of it, the platform's fee included. */
    charged: total('charged'),
    fee: total('fee'),
  },
  (table) => [
    primaryKey({ columns: [table.subscriptionId, table.day] }),
    check('subscription_days_fee', sql`${table.fee} between 0 and ${table.charged}`),
  ],
);

/** The one trial a consumer has of a producer, whatever is cancelled and on whichever plans. Owned by billing-api. */
export const trials = pgTable(
  'trials',
  {
    consumerId: user('consumer_id'),
    producerId: user('producer_id'),
    /** A trial of minutes runs from here on. */
    startedAt: instant('started_at').notNull(),
    /** What was free so far. */
    readings: total('readings'),
    bytes: total('bytes'),
  },
  (table) => [primaryKey({ columns: [table.consumerId, table.producerId] })],
);

/** Money put into a wallet, or about to be. Owned by billing-api. */
export const topUps = pgTable(
  'top_ups',
  {
    id: id(),
    accountId: user('account_id'),
    currency: text('currency').notNull(),
    amount: number('amount').notNull(),
    /** `admin`: credited by hand. */
    provider: text('provider', { enum: ['admin', 'stripe'] }).notNull(),
    status: text('status', { enum: ['pending', 'paid', 'expired', 'reversed'] }).notNull(),
    /** Of the request: once per whoever asks and key. */
    requestedBy: user('requested_by'),
    key: text('key').notNull(),
    /** What the provider calls it, and the payment it became. */
    reference: text('reference'),
    payment: text('payment'),
    /** What the provider has paid back of it. */
    refunded: total('refunded'),
    createdAt: instant('created_at').notNull().defaultNow(),
    paidAt: instant('paid_at'),
    transactionId: number('transaction_id').references(() => ledgerTransactions.id),
  },
  (table) => [
    uniqueIndex('top_ups_key').on(table.requestedBy, table.provider, table.key),
    index('top_ups_account').on(table.accountId, table.id),
    uniqueIndex('top_ups_payment').on(table.provider, table.payment),
    check('top_ups_amount', sql`${table.amount} > 0`),
    check('top_ups_paid', sql`(${table.status} in ('paid', 'reversed')) = (${table.transactionId} is not null)`),
  ],
);

/**
 * What payment providers told us, once per event. What came before the payment it is about waits: it has no
 * `handled_at`. Owned by billing-api.
 */
export const paymentEvents = pgTable(
  'payment_events',
  {
    provider: text('provider').notNull(),
    eventId: text('event_id').notNull(),
    kind: text('kind').notNull(),
    /** The payment it is about. */
    payment: text('payment'),
    /** What is needed of it, as JSON. */
    content: text('content').notNull(),
    receivedAt: instant('received_at').notNull().defaultNow(),
    handledAt: instant('handled_at'),
  },
  (table) => [
    primaryKey({ columns: [table.provider, table.eventId] }),
    index('payment_events_waiting').on(table.provider, table.payment).where(sql`${table.handledAt} is null`),
  ],
);

/**
 * What a consumer wants to spend at most in a currency: in all, or on one subscription. Owned by billing-api.
 */
export const spendingLimits = pgTable(
  'spending_limits',
  {
    id: id(),
    consumerId: user('consumer_id'),
    currency: text('currency').notNull(),
    /** None: all subscriptions together. */
    subscriptionId: number('subscription_id').references(() => subscriptions.id),
    period: text('period', { enum: ['day', 'month'] }).notNull(),
    amount: number('amount').notNull(),
  },
  (table) => [
    uniqueIndex('spending_limits_one').on(
      table.consumerId,
      table.currency,
      sql`coalesce(${table.subscriptionId}, 0)`,
      table.period,
    ),
    index('spending_limits_subscription').on(table.subscriptionId),
    check('spending_limits_period', sql`${table.period} in ('day', 'month')`),
    check('spending_limits_amount', sql`${table.amount} >= 0`),
  ],
);
