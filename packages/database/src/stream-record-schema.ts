import { sql } from 'drizzle-orm';
import { bigint, check, index, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const big = (name: string) => bigint(name, { mode: 'bigint' });

/**
 * What a stream did in a minute in which it had a reading; a minute without a row had none. Written in the transaction
 * that inserts the readings, each counted once. A reading belongs to the time it was received, which is when it was
 * numbered, by the clock of Redis. Outlives the readings. Owned by data-stream-manager.
 */
export const streamMinutes = pgTable(
  'stream_minutes',
  {
    producerId: big('producer_id').notNull(),
    minute: instant('minute').notNull(),
    readings: big('readings').notNull(),
    /** Of the readings' bodies, as they are retained: without their seq. */
    bytes: big('bytes').notNull(),
    firstReceivedAt: instant('first_received_at').notNull(),
    lastReceivedAt: instant('last_received_at').notNull(),
    /** Bit s (of value 2^s) says whether a reading was received in second s of the minute: all that silences are made of. */
    heardSeconds: big('heard_seconds').notNull(),
    /** Readings whose timestamp was compared with when they were received: up to 16 of each batch. */
    latencyChecked: integer('latency_checked').notNull(),
    /** Those of them where that gives a latency: neither from the future nor more than a day old. */
    latencyReadings: integer('latency_readings').notNull(),
    /** Of these, in ms. */
    latencySumMs: big('latency_sum_ms').notNull(),
    latencyMaxMs: integer('latency_max_ms').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.producerId, table.minute] }),
    index('stream_minutes_minute').using('brin', table.minute),
    check(
      'stream_minutes_heard',
      sql`${table.heardSeconds} > 0 and ${table.heardSeconds} < ${sql.raw(String(2n ** 60n))}`,
    ),
  ],
);

/** When a stream manager was last at work, with Redis and PostgreSQL: one row. Owned by data-stream-manager. */
export const platformLife = pgTable(
  'platform_life',
  { id: integer('id').primaryKey().default(1), lastSeenAt: instant('last_seen_at').notNull() },
  (table) => [check('platform_life_one', sql`${table.id} = 1`)],
);

/** Times in which no stream manager was at work, so that nothing can be said of streams. Owned by data-stream-manager. */
export const platformDowntimes = pgTable(
  'platform_downtimes',
  { fromAt: instant('from_at').primaryKey(), untilAt: instant('until_at').notNull() },
  (table) => [
    index('platform_downtimes_until').on(table.untilAt),
    check('platform_downtimes_order', sql`${table.fromAt} < ${table.untilAt}`),
  ],
);

/** The devices whose readings were persisted, and when; `last_received_at` may be up to a minute behind. Owned by data-stream-manager. */
export const streamDevices = pgTable(
  'stream_devices',
  {
    producerId: big('producer_id').notNull(),
    deviceId: text('device_id').notNull(),
    firstReceivedAt: instant('first_received_at').notNull(),
    lastReceivedAt: instant('last_received_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.producerId, table.deviceId] }),
    index('stream_devices_received').using('brin', table.lastReceivedAt),
  ],
);
