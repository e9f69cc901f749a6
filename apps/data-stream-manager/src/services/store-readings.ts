import type { Database } from '@motience/database';
import type { UnpersistedRange } from '@motience/stream-log';
import type { ISql } from 'postgres';
import { insertReadings } from './insert-readings.ts';
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
  const readings = batches.reduce((sum, { count }) => sum + count, 0);
  try {
    await store(sql, seen, async (tx) => {
      if ((await insertReadings(tx, batches)) < readings) throw new StoredBefore();
      return batches;
    });
  } catch (error) {
    if (!(error instanceof StoredBefore)) throw error;
    // Rare: after a crash before Redis noted it, or with another manager at the same shard. One by one tells which are new.
    await store(sql, seen, (tx) => insertNew(tx, batches));
  }
}

/** Some of the readings are there already. */
class StoredBefore extends Error {}

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

async function insertNew(tx: ISql, batches: readonly StreamBatch[]): Promise<StreamBatch[]> {
  const added: StreamBatch[] = [];
  for (const batch of batches) if ((await insertReadings(tx, [batch])) > 0) added.push(batch);
  return added;
}
