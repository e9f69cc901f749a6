import { checkedSequence, type NewReading, type Numbering, type QueuedReading, type ReadingQueue } from '@motience/sdk';
import { bootId, type LoadedQueue, loadQueue, recordBytes } from './load-queue.ts';
import {
  allCounts,
  allPositions,
  type Count,
  idIn,
  openedInKey,
  ownerKey,
  parseRecord,
  positionKey,
  putCount,
  putLastId,
  putPosition,
  putReading,
  readingKey,
  readingsBetween,
} from './queue-records.ts';
import { type Operation, QueueError, QueueStore, QueueUnwritable } from './queue-store.ts';

export interface DiskQueueOptions {
  /** Folder of its own; made if missing. */
  directory: string;
  /** Whose readings these are. A queue made for another owner is refused, so that none reaches the wrong account. */
  owner: string;
  maxReadings: number;
  maxBytes: number;
  /**
   * Left free on the disk, for others and because LevelDB cannot tidy up without: 16 MiB by default. Below it nothing
   * is added.
   */
  minFreeBytes?: number;
}

/** What a disk that failed has done to a queue. */
export interface QueueDamage {
  /** Readings known to have waited that are gone. */
  missing: number;
  /** Whether the queue had to be repaired, in which more may have been lost than is known. */
  isRepaired: boolean;
}

/**
 * Numbers left out after a power cut: a disk that lied about its last writes may have lost numbers that were sent
 * already, and readings sent under them again would be taken for repeats.
 */
const numbersLeftOut = 1_000_000;

/**
 * Readings on disk until they are acknowledged. Additions and numbers are synced to the disk before they are reported;
 * a removal may be forgotten in a crash, after which the reading is sent again under its number. The last number
 * survives an empty queue, and so does the last position of each source that readings came from, which is synced with
 * them. A write that the disk refuses changes nothing and throws `QueueUnwritable`; the next one is tried anew. One
 * process at a time.
 */
export class DiskQueue implements ReadingQueue {
  /** What was found damaged on opening. */
  readonly damage: QueueDamage;
  readonly #store: QueueStore;
  readonly #maxReadings: number;
  readonly #maxBytes: number;
  readonly #minFreeBytes: number;
  readonly #owner: string;
  readonly #bootId: string;
  readonly #counts: Map<string, Count>;
  readonly #positions: Map<string, string>;
  /** Ids and bytes of the waiting readings, oldest first. */
  #ids: number[];
  #sizes: number[];
  #bytes: number;
  #lastId: number;
  /** Removals since the disk was last given back what they took. */
  #removed = 0;

  private constructor(
    store: QueueStore,
    { maxReadings, maxBytes, owner, minFreeBytes = 16 * 1024 * 1024 }: DiskQueueOptions,
    loaded: LoadedQueue,
    boot: string,
  ) {
    this.#store = store;
    this.#maxReadings = maxReadings;
    this.#maxBytes = maxBytes;
    this.#minFreeBytes = minFreeBytes;
    this.#owner = owner;
    this.#bootId = boot;
    this.#counts = loaded.counts;
    this.#positions = loaded.positions;
    this.#ids = loaded.ids;
    this.#sizes = loaded.sizes;
    this.#bytes = loaded.sizes.reduce((sum, size) => sum + size, 0);
    this.#lastId = loaded.lastId;
    this.damage = { missing: loaded.missing, isRepaired: store.isRepaired };
  }

  /**
   * Opens or makes the queue, and repairs it if the disk has damaged it. Throws a `QueueError` if another process has
   * it, if it is another owner's, or if it cannot be opened.
   */
  static async open(options: DiskQueueOptions): Promise<DiskQueue> {
    const { directory, owner } = options;
    let loaded: LoadedQueue | undefined;
    const store = await QueueStore.open(directory, async (opened) => {
      loaded = await loadQueue(opened);
      if (loaded.owner !== undefined && loaded.owner !== owner) {
        throw new QueueError(
          `the queue in ${directory} belongs to ${loaded.owner}: choose another --queue-dir for ${owner}`,
        );
      }
    });
    try {
      if (!loaded) throw new QueueError(`the queue in ${directory} was not read`);
      const queue = new DiskQueue(store, options, loaded, await bootId());
      await queue.#begin(loaded);
      return queue;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  async append(readings: readonly NewReading[], { number }: { number: boolean }): Promise<QueuedReading[]> {
    const appended: QueuedReading[] = [];
    const sizes: number[] = [];
    const counts = new Map<string, Count>();
    const positions = new Map<string, string>();
    const operations: Operation[] = [];
    let bytes = this.#bytes;
    for (const reading of readings) {
      const size = recordBytes(reading.dataText);
      if (this.#sizes.length + sizes.length >= this.#maxReadings || bytes + size > this.#maxBytes) break;
      const numbered = number && reading.sequence === undefined;
      const count = counts.get(reading.deviceId) ?? this.#count(reading.deviceId);
      const ordinal = count.ordinal + 1;
      const sequence = numbered ? checkedSequence(ordinal + count.shift) : reading.sequence;
      if (numbered) counts.set(reading.deviceId, { ...count, ordinal });
      if (reading.origin) positions.set(reading.origin.source, reading.origin.position);
      const id = this.#lastId + appended.length + 1;
      const stored = (numbered ? ordinal : sequence) ?? null;
      operations.push(putReading(id, [reading.deviceId, reading.timestamp, stored, numbered, reading.dataText]));
      appended.push({ ...reading, id, sequence, numbered });
      sizes.push(size);
      bytes += size;
    }
    if (appended.length === 0) return [];
    const lastId = this.#lastId + appended.length;
    operations.push(putLastId(lastId));
    for (const [deviceId, count] of counts) operations.push(putCount(deviceId, count));
    for (const [source, position] of positions) operations.push(putPosition(source, position));
    await this.#mend();
    await this.#leaveFree();
    await this.#store.write(operations);
    this.#lastId = lastId;
    this.#bytes = bytes;
    this.#ids.push(...appended.map(({ id }) => id));
    this.#sizes.push(...sizes);
    for (const [deviceId, count] of counts) this.#counts.set(deviceId, count);
    for (const [source, position] of positions) this.#positions.set(source, position);
    return appended;
  }

  async read(afterId: number, limit: number, maxBytes: number): Promise<QueuedReading[]> {
    const readings: QueuedReading[] = [];
    let bytes = 0;
    const from = Math.max(afterId, (this.#ids[0] ?? this.#lastId + 1) - 1);
    for await (const [key, value] of this.#store.entries({
      ...readingsBetween(from, this.#lastId + 1),
      limit,
    })) {
      const reading = this.#toReading(key, value);
      if (!reading) continue;
      bytes += recordBytes(reading.dataText);
      if (readings.length > 0 && bytes > maxBytes) break;
      readings.push(reading);
    }
    return readings;
  }

  async removeThrough(id: number): Promise<void> {
    const kept = this.#ids.findIndex((waiting) => waiting > id);
    await this.#removeFirst(kept === -1 ? this.#ids.length : kept);
  }

  async removeOldest(count: number): Promise<number> {
    const removed = Math.min(count, this.#ids.length);
    await this.#removeFirst(removed);
    return removed;
  }

  async renumber(deviceId: string, above: number): Promise<void> {
    const count = this.#count(deviceId);
    const first = (await this.#oldestOrdinal(deviceId)) ?? count.ordinal + 1;
    const shift = above + 1 - first;
    checkedSequence(count.ordinal + shift);
    await this.#putCount(deviceId, { ...count, shift, confirmed: false });
  }

  async numbering(deviceId: string): Promise<Numbering> {
    const { ordinal, shift, confirmed } = this.#count(deviceId);
    return { last: ordinal + shift, confirmed };
  }

  async confirmNumbering(deviceId: string): Promise<void> {
    await this.#putCount(deviceId, { ...this.#count(deviceId), confirmed: true });
  }

  /** The position of the last reading that was queued from the source, unless it was forgotten since. */
  position(source: string): string | undefined {
    return this.#positions.get(source);
  }

  async forgetPosition(source: string): Promise<void> {
    await this.#mend();
    await this.#store.write([{ type: 'del', key: positionKey(source) }]);
    this.#positions.delete(source);
  }

  size(): { readings: number; bytes: number } {
    return { readings: this.#ids.length, bytes: this.#bytes };
  }

  async close(): Promise<void> {
    // If it cannot be noted that it was closed, the next start only leaves out numbers that it need not.
    await this.#store.write([{ type: 'del', key: openedInKey }]).catch(() => {});
    await this.#store.close();
  }

  #count(deviceId: string): Count {
    return this.#counts.get(deviceId) ?? { ordinal: 0, shift: 0, confirmed: false };
  }

  async #putCount(deviceId: string, count: Count): Promise<void> {
    await this.#mend();
    await this.#store.write([putCount(deviceId, count)]);
    this.#counts.set(deviceId, count);
  }

  async #removeFirst(count: number): Promise<void> {
    if (count <= 0) return;
    for (const size of this.#sizes.slice(0, count)) this.#bytes -= size;
    this.#ids = this.#ids.slice(count);
    this.#sizes = this.#sizes.slice(count);
    this.#removed += count;
    await this.#store.forget(this.#removedReadings());
  }

  #removedReadings() {
    return readingsBetween(0, this.#ids[0] ?? this.#lastId + 1);
  }

  async #oldestOrdinal(deviceId: string): Promise<number | undefined> {
    for await (const [, value] of this.#store.entries(readingsBetween((this.#ids[0] ?? this.#lastId + 1) - 1))) {
      const record = parseRecord(value);
      if (!record) continue;
      const [device, , ordinal, numbered] = record;
      if (device === deviceId && numbered && ordinal !== null) return ordinal;
    }
    return undefined;
  }

  #toReading(key: string, value: string): QueuedReading | undefined {
    const record = parseRecord(value);
    if (!record) return undefined;
    const [deviceId, timestamp, stored, numbered, dataText] = record;
    const sequence = numbered && stored !== null ? stored + this.#count(deviceId).shift : (stored ?? undefined);
    return { id: idIn(key), deviceId, timestamp, sequence, numbered, dataText };
  }

  /** Notes that it is open, and leaves numbers out if the disk may have lost some. */
  async #begin({ openedIn, missing, garbledIds }: LoadedQueue): Promise<void> {
    const wasPowerCut = openedIn !== undefined && (openedIn !== this.#bootId || openedIn === 'unknown');
    if (wasPowerCut || missing > 0 || this.#store.isRepaired) {
      for (const [deviceId, count] of this.#counts) {
        const ordinal = count.ordinal + numbersLeftOut;
        if (Number.isSafeInteger(ordinal + count.shift)) this.#counts.set(deviceId, { ...count, ordinal });
      }
    }
    const removals = garbledIds.map((id): Operation => ({ type: 'del', key: readingKey(id) }));
    await this.#store.write([...this.#everythingButReadings(), ...removals]).catch((error: unknown) => {
      // Also with a full disk what waits can be sent; the rest is made up for when it can be written.
      if (!(error instanceof QueueUnwritable)) throw error;
    });
  }

  /** Makes the store writable after a write had failed, and takes back on disk what was reported as not done. */
  async #mend(): Promise<void> {
    if (!(await this.#store.mend())) return;
    const operations = this.#everythingButReadings();
    for (const [prefix, known] of [
      [allCounts, this.#counts],
      [allPositions, this.#positions],
    ] as const) {
      for await (const [key] of this.#store.entries(prefix)) {
        if (!known.has(key.slice(prefix.gt.length))) operations.push({ type: 'del', key });
      }
    }
    for await (const [key] of this.#store.entries(readingsBetween(this.#lastId))) operations.push({ type: 'del', key });
    await this.#store.write(operations);
    await this.#store.forget(this.#removedReadings());
  }

  #everythingButReadings(): Operation[] {
    return [
      { type: 'put', key: ownerKey, value: this.#owner },
      { type: 'put', key: openedInKey, value: this.#bootId },
      putLastId(this.#lastId),
      ...[...this.#counts].map(([deviceId, count]) => putCount(deviceId, count)),
      ...[...this.#positions].map(([source, position]) => putPosition(source, position)),
    ];
  }

  async #leaveFree(): Promise<void> {
    if ((await this.#store.freeBytes()) >= this.#minFreeBytes) return;
    if (this.#removed > 0) {
      this.#removed = 0;
      await this.#store.compact(this.#removedReadings());
      if ((await this.#store.freeBytes()) >= this.#minFreeBytes) return;
    }
    const mebibytes = Math.round(this.#minFreeBytes / 1024 / 1024);
    throw this.#store.unwritable(`less than ${mebibytes} MiB are free on its disk, which is full`);
  }
}
