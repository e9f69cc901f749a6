import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  bigserial,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { planCheapness, planCurrency, planUnit } from './plan-price.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const id = () => bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity();
const terms = sql.raw('"terms"');
const accountId = (name: string) => bigint(name, { mode: 'bigint' });

/** Accounts: producers, consumers, admins. A username is taken whatever its case. Owned by auth-api. */
export const users = pgTable(
  'users',
  {
    id: id(),
    username: text('username').notNull(),
    passwordHash: text('password_hash').notNull(),
    role: text('role', { enum: ['producer', 'consumer', 'admin'] }).notNull(),
    email: text('email'),
    name: text('name'),
    /** The device named at registration. */
    deviceId: text('device_id'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('users_username').on(sql`lower(${table.username})`),
    index('users_role').on(table.role, table.id),
    // What is searched for can stand anywhere in them.
    index('users_text').using('gin', table.username.op('gin_trgm_ops'), table.name.op('gin_trgm_ops')),
    check('users_role', sql`${table.role} in ('producer', 'consumer', 'admin')`),
  ],
);

/** The devices a producer may send readings of. Owned by auth-api. */
export const devices = pgTable(
  'devices',
  {
    id: id(),
    producerId: accountId('producer_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    deviceId: text('device_id').notNull(),
    name: text('name'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [uniqueIndex('devices_producer_device').on(table.producerId, table.deviceId)],
);

/** One login and all tokens that descend from it; `id` is the tokens' `sid`. Owned by auth-api. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    userId: accountId('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: instant('created_at').notNull().defaultNow(),
    /** When the newest refresh token of the session expires. */
    expiresAt: instant('expires_at').notNull(),
    revokedAt: instant('revoked_at'),
  },
  (table) => [index('sessions_user').on(table.userId), index('sessions_expires').on(table.expiresAt)],
);

/** Refresh tokens by their SHA-256. A spent one presented again revokes its session. Owned by auth-api. */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    tokenHash: text('token_hash').primaryKey(),
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    expiresAt: instant('expires_at').notNull(),
    spentAt: instant('spent_at'),
  },
  (table) => [index('refresh_tokens_session').on(table.sessionId)],
);

/** API keys by the SHA-256 of their secret; like sessions, with `id` as their `sid`. Owned by auth-api. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: uuid('id').primaryKey(),
    userId: accountId('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    secretHash: text('secret_hash').notNull(),
    /** What it may be used for, as `keyScopes` of the protocol lists it. */
    scopes: text('scopes').array().notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    /** Null: never. */
    expiresAt: instant('expires_at'),
    lastUsedAt: instant('last_used_at'),
    revokedAt: instant('revoked_at'),
  },
  (table) => [
    index('api_keys_user').on(table.userId, table.createdAt),
    index('api_keys_expires').on(table.expiresAt),
    index('api_keys_revoked').on(table.revokedAt),
  ],
);

/**
 * What a producer asks for its stream. A plan is never edited: it is withdrawn, and may be succeeded by another one, which
 * its subscribers get at `ends_at`, when the notice they were promised has passed. Owned by subscription-manager.
 */
export const plans = pgTable(
  'plans',
  {
    id: id(),
    producerId: accountId('producer_id')
      .notNull()
      .references(() => users.id),
    name: text('name').notNull(),
    /** Kind, prices, trial, bounds, as `planTermsSchema` of packages/ledger writes them. */
    terms: jsonb('terms').notNull(),
    /** The promise: a stream that is silent for longer gives the time back to those who pay by time. */
    maxSilenceSeconds: integer('max_silence_seconds'),
    createdAt: instant('created_at').notNull().defaultNow(),
    /** Since then nobody can subscribe on it any more. */
    withdrawnAt: instant('withdrawn_at'),
    /** When those who have it lose it. */
    endsAt: instant('ends_at'),
    succeededBy: bigint('succeeded_by', { mode: 'bigint' }).references((): AnyPgColumn => plans.id),
    /** Since then it has ended, and nobody has it or gets it any more. */
    closedAt: instant('closed_at'),
  },
  (table) => [
    index('plans_ending').on(table.endsAt).where(sql`${table.closedAt} is null and ${table.endsAt} is not null`),
    check('plans_closed', sql`${table.closedAt} >= ${table.endsAt}`),
    index('plans_producer').on(table.producerId, table.id),
    index('plans_offered').on(table.producerId, table.id).where(sql`${table.withdrawnAt} is null`),
    // By which the cheapest are found.
    index('plans_price')
      .on(planUnit(terms), planCurrency(terms), planCheapness(terms), table.producerId)
      .where(sql`${table.withdrawnAt} is null`),
    check('plans_silence', sql`${table.maxSilenceSeconds} > 0`),
    check('plans_withdrawn', sql`(${table.withdrawnAt} is null) = (${table.endsAt} is null)`),
    check('plans_succeeded', sql`${table.succeededBy} is null or ${table.withdrawnAt} is not null`),
  ],
);

/**
 * A consumer's right to receive a stream, from `created_at` until `ended_at`. At most one is active for a consumer and
 * a producer. Ended ones stay for as long as a bill needs them, or readings of their time are kept. Owned by subscription-manager.
 */
export const subscriptions = pgTable(
  'subscriptions',
  {
    id: id(),
    consumerId: accountId('consumer_id')
      .notNull()
      .references(() => users.id),
    producerId: accountId('producer_id')
      .notNull()
      .references(() => users.id),
    status: text('status', { enum: ['active', 'cancelled'] })
      .notNull()
      .default('active'),
    /** What is paid for it; none where the stream was free without any plan. */
    planId: bigint('plan_id', { mode: 'bigint' }).references(() => plans.id),
    createdAt: instant('created_at').notNull().defaultNow(),
    /** Where it took the place of one on another plan: since when the consumer has been subscribed without a break. */
    since: instant('since'),
    endedAt: instant('ended_at'),
  },
  (table) => [
    uniqueIndex('subscriptions_active').on(table.consumerId, table.producerId).where(sql`${table.status} = 'active'`),
    // All there ever were, for bills and for what may be resumed.
    index('subscriptions_producer').on(table.producerId, table.id),
    index('subscriptions_pair').on(table.consumerId, table.producerId, table.id),
    index('subscriptions_plan').on(table.planId),
    // Those that count now, however many have ended.
    index('subscriptions_of_consumer').on(table.consumerId, table.id).where(sql`${table.status} = 'active'`),
    index('subscriptions_of_producer').on(table.producerId, table.id).where(sql`${table.status} = 'active'`),
    index('subscriptions_on_plan').on(table.planId, table.id).where(sql`${table.status} = 'active'`),
    check('subscriptions_since', sql`${table.since} <= ${table.createdAt}`),
    check('subscriptions_ended', sql`(${table.status} = 'active') = (${table.endedAt} is null)`),
  ],
);

/**
 * A consumer's request to receive a stream whose producer approves each consumer. One that expired while it was pending
 * stays so, and counts no more; old ones are deleted. Owned by subscription-manager.
 */
export const subscriptionRequests = pgTable(
  'subscription_requests',
  {
    id: id(),
    consumerId: accountId('consumer_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    producerId: accountId('producer_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    planId: bigint('plan_id', { mode: 'bigint' }).references(() => plans.id),
    status: text('status', { enum: ['pending', 'approved', 'rejected', 'cancelled'] })
      .notNull()
      .default('pending'),
    createdAt: instant('created_at').notNull().defaultNow(),
    expiresAt: instant('expires_at').notNull(),
    decidedAt: instant('decided_at'),
  },
  (table) => [
    uniqueIndex('subscription_requests_pending')
      .on(table.consumerId, table.producerId)
      .where(sql`${table.status} = 'pending'`),
    index('subscription_requests_producer').on(table.producerId, table.id),
    // Those that are open, however many were decided.
    index('subscription_requests_open').on(table.producerId, table.id).where(sql`${table.status} = 'pending'`),
    index('subscription_requests_consumer').on(table.consumerId, table.id),
    index('subscription_requests_expires').on(table.expiresAt),
    check('subscription_requests_decided', sql`(${table.status} = 'pending') = (${table.decidedAt} is null)`),
  ],
);

/** Consumers whom a producer lets in without being asked, or does not let in at all. Owned by subscription-manager. */
export const accessEntries = pgTable(
  'access_entries',
  {
    producerId: accountId('producer_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    consumerId: accountId('consumer_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    access: text('access', { enum: ['allow', 'deny'] }).notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.producerId, table.consumerId] })],
);

/**
 * Rights that changed here and may not have reached Redis yet. A row is written in the transaction that changes the
 * right and deleted once it is projected, so a crash in between loses nothing. Owned by packages/rights.
 */
export const rightsOutbox = pgTable('rights_outbox', {
  id: bigserial('id', { mode: 'bigint' }).primaryKey(),
  kind: text('kind', { enum: ['session', 'device', 'subscription'] }).notNull(),
  accountId: accountId('account_id').notNull(),
  /** The session's id, the device_id, or the producer's id. */
  item: text('item').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
});

/**
 * Readings as they were delivered: `body` is the frame's text up to its `seq`, byte for byte. Owned by
 * data-stream-manager.
 */
export const readings = pgTable(
  'readings',
  {
    producerId: accountId('producer_id').notNull(),
    epoch: text('epoch').notNull(),
    seq: bigint('seq', { mode: 'bigint' }).notNull(),
    deviceId: text('device_id').notNull(),
    body: text('body').notNull(),
    /** Bytes of the bodies of all readings of the epoch before it; null for one that was stored before these were kept. */
    bytesBefore: bigint('bytes_before', { mode: 'bigint' }),
    receivedAt: instant('received_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.producerId, table.epoch, table.seq] }),
    index('readings_received').using('brin', table.receivedAt),
  ],
);
