import type { Database } from '@motience/database';
import type { UnpersistedRange } from '@motience/stream-log';
import type { ISql } from 'postgres';
import { insertMissing, insertReadings, isThereAlready } from './insert-readings.ts';
import { recordDevices, type SeenDevices } from './record-devices.ts';
import { recordMinutes } from './record-minutes.ts';
import { minutesOf, type StreamBatch } from './stream-minute.ts';

/**
 * Inserts ranges of readings and records them in the minutes they were received in, in one transaction. Readings that are
 * there already stay as they are and are not recorded again: a batch is always stored whole, so one of which PostgreSQL
 * takes nothing was stored before.
 */
export async function storeReadings(
  sql: Database['sql'],
  ranges: readonly UnpersistedRange[],
  seen: SeenDevices,
): Promise<void> {
  const batches = ranges.flatMap(({ producerId, batches: ofRange }) =>
    ofRange.map((batch) => ({ producerId, ...batch })),
  );
  try {
    await store(sql, seen, async (tx) => {
      await insertReadings(tx, batches);
      return batches;
    });
  } catch (error) {
    if (!isThereAlready(error)) throw error;
    // Rare: after a crash before Redis noted it, or with another manager at the same shard. One by one tells which are new.
    await store(sql, seen, (tx) => insertMissing(tx, batches));
  }
}

async function store(
  sql: Database['sql'],
  seen: SeenDevices,
  insert: (tx: ISql) => Promise<readonly StreamBatch[]>,
): Promise<void> {
  const devices = await sql.begin(async (tx) => {
    const minutes = minutesOf(await insert(tx));
    const unrecorded = seen.unrecorded(minutes);
    await recordMinutes(tx, minutes);
    await recordDevices(tx, unrecorded);
    return unrecorded;
  });
  seen.remember(devices);
}
