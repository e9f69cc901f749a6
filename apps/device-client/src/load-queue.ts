import { readFile } from 'node:fs/promises';
import {
  allCounts,
  allPositions,
  type Count,
  deviceIn,
  idIn,
  lastIdKey,
  openedInKey,
  ownerKey,
  parseCount,
  parseRecord,
  readingsBetween,
  sourceIn,
} from './queue-records.ts';
import type { QueueStore } from './queue-store.ts';

/** What is on the disk of a queue, as far as it can be read. */
export interface LoadedQueue {
  owner: string | undefined;
  lastId: number;
  /** Ids and sizes of the readings that wait, oldest first. */
  ids: number[];
  sizes: number[];
  counts: Map<string, Count>;
  positions: Map<string, string>;
  /** Readings that should be among those that wait, and are not or are garbled. */
  missing: number;
  garbledIds: number[];
  /** The boot of the machine in which the queue was opened and not closed; undefined if it was closed. */
  openedIn: string | undefined;
}

/** What a record takes beyond its data: key, names, LevelDB's own. */
const recordOverheadBytes = 160;

export function recordBytes(dataText: string): number {
  return recordOverheadBytes + Buffer.byteLength(dataText);
}

export async function loadQueue(store: QueueStore): Promise<LoadedQueue> {
  const [owner, lastId, openedIn] = await Promise.all([
    store.get(ownerKey),
    store.get(lastIdKey),
    store.get(openedInKey),
  ]);
  const counts = await loadCounts(store);
  const positions = new Map<string, string>();
  for await (const [key, value] of store.entries(allPositions)) positions.set(sourceIn(key), value);
  const ids: number[] = [];
  const sizes: number[] = [];
  const garbledIds: number[] = [];
  let last = Number(lastId ?? 0);
  for await (const [key, value] of store.entries(readingsBetween(0))) {
    const record = parseRecord(value);
    const id = idIn(key);
    last = Math.max(last, id);
    if (!record) {
      garbledIds.push(id);
      continue;
    }
    ids.push(id);
    const [deviceId, , number, numbered, dataText] = record;
    sizes.push(recordBytes(dataText));
    const count = counts.get(deviceId) ?? { ordinal: 0, shift: 0, confirmed: false };
    if (numbered && number !== null && number > count.ordinal) counts.set(deviceId, { ...count, ordinal: number });
  }
  const missing =
    ids[0] === undefined ? garbledIds.length : last - Math.min(ids[0], garbledIds[0] ?? ids[0]) + 1 - ids.length;
  return { owner, lastId: last, ids, sizes, counts, positions, missing, garbledIds, openedIn };
}

async function loadCounts(store: QueueStore): Promise<Map<string, Count>> {
  const counts = new Map<string, Count>();
  for await (const [key, value] of store.entries(allCounts)) {
    const count = parseCount(value);
    if (count) counts.set(deviceIn(key), count);
  }
  return counts;
}

/** Names this boot of the machine; `unknown` where the system has no name for it. */
export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown')).trim();
}
