import { mkdir } from 'node:fs/promises';
import { checkedSequence, type NewReading, type Numbering, type QueuedReading, type ReadingQueue } from '@motience/sdk';
import { ClassicLevel } from 'classic-level';
import { z } from 'zod';

export interface DiskQueueOptions {
  /** Folder of its own; made if missing. */
  directory: string;
  /** Whose readings these are. A queue made for another owner is refused, so that none reaches the wrong account. */
  owner: string;
  maxReadings: number;
  maxBytes: number;
}

/** The queue cannot be used as it is; the message says why and what to do. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
}

/** A reading's record: device, timestamp, number, whether the queue gave it, data. */
const recordSchema = z.tuple([z.string(), z.string(), z.int().nullable(), z.boolean(), z.string()]);
/** `ordinal` counts what the queue has numbered; a number is its ordinal plus `shift`. */
const countSchema = z.object({ ordinal: z.int(), shift: z.int(), confirmed: z.boolean() });
type Count = z.infer<typeof countSchema>;
type Operation = { type: 'put'; key: string; value: string };

const ownerKey = 'owner';
const lastIdKey = 'last-id';
const countPrefix = 'count:';
const readingPrefix = 'reading:';
const positionPrefix = 'position:';
/** The character after `:`, so that it ends the range of a prefix. */
const prefixEnd = ';';
/** What a record takes beyond its data: key, names, LevelDB's own. */
const recordOverheadBytes = 160;

/**
 * Readings on disk until they are acknowledged. Additions and numbers are synced to the disk before they are reported;
 * a removal may be forgotten in a crash, after which the reading is sent again under its number. The last number
 * survives an empty queue, and so does the last position of each source that readings came from, which is synced with
 * them. One process at a time.
 */
export class DiskQueue implements ReadingQueue {
  readonly #db: ClassicLevel;
  readonly #maxReadings: number;
  readonly #maxBytes: number;
  readonly #counts = new Map<string, Count>();
  /** Bytes of each waiting reading, oldest first: the ids that wait have no holes and end with `#lastId`. */
  #sizes: number[] = [];
  #bytes = 0;
  #lastId = 0;

  private constructor(db: ClassicLevel, { maxReadings, maxBytes }: DiskQueueOptions) {
    this.#db = db;
    this.#maxReadings = maxReadings;
    this.#maxBytes = maxBytes;
  }

  /** Opens or makes the queue; throws a `QueueError` if another process has it or it is another owner's. */
  static async open(options: DiskQueueOptions): Promise<DiskQueue> {
    const { directory, owner } = options;
    const db = new ClassicLevel(directory);
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await db.open();
    } catch (error) {
      throw new QueueError(whyNotOpen(error, directory), { cause: error });
    }
    try {
      const queue = new DiskQueue(db, options);
      const known = await db.get(ownerKey);
      if (known === undefined) await db.put(ownerKey, owner, { sync: true });
      else if (known !== owner) {
        throw new QueueError(`the queue in ${directory} belongs to ${known}: choose another --queue-dir for ${owner}`);
      }
      await queue.#load();
      return queue;
    } catch (error) {
      await db.close();
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
      const size = recordOverheadBytes + Buffer.byteLength(reading.dataText);
      if (this.#sizes.length + sizes.length >= this.#maxReadings || bytes + size > this.#maxBytes) break;
      const numbered = number && reading.sequence === undefined;
      const count = counts.get(reading.deviceId) ?? this.#count(reading.deviceId);
      const ordinal = count.ordinal + 1;
      const sequence = numbered ? checkedSequence(ordinal + count.shift) : reading.sequence;
      if (numbered) counts.set(reading.deviceId, { ...count, ordinal });
      if (reading.origin) positions.set(reading.origin.source, reading.origin.position);
      const id = this.#lastId + appended.length + 1;
      const record = [
        reading.deviceId,
        reading.timestamp,
        (numbered ? ordinal : sequence) ?? null,
        numbered,
        reading.dataText,
      ];
      operations.push({ type: 'put', key: readingKey(id), value: JSON.stringify(record) });
      appended.push({ ...reading, id, sequence, numbered });
      sizes.push(size);
      bytes += size;
    }
    if (appended.length === 0) return [];
    const lastId = this.#lastId + appended.length;
    operations.push({ type: 'put', key: lastIdKey, value: String(lastId) });
    for (const [deviceId, count] of counts) operations.push(countOperation(deviceId, count));
    for (const [source, position] of positions) {
      operations.push({ type: 'put', key: `${positionPrefix}${source}`, value: position });
    }
    await this.#db.batch(operations, { sync: true });
    this.#lastId = lastId;
    this.#bytes = bytes;
    this.#sizes.push(...sizes);
    for (const [deviceId, count] of counts) this.#counts.set(deviceId, count);
    return appended;
  }

  async read(afterId: number, limit: number, maxBytes: number): Promise<QueuedReading[]> {
    const readings: QueuedReading[] = [];
    let bytes = 0;
    const from = Math.max(afterId, this.#firstId - 1);
    for await (const [key, value] of this.#db.iterator({ gt: readingKey(from), lt: `reading${prefixEnd}`, limit })) {
      const reading = this.#toReading(key, value);
      bytes += recordOverheadBytes + Buffer.byteLength(reading.dataText);
      if (readings.length > 0 && bytes > maxBytes) break;
      readings.push(reading);
    }
    return readings;
  }

  async removeThrough(id: number): Promise<void> {
    await this.#removeFirst(Math.min(id - this.#firstId + 1, this.#sizes.length));
  }

  async removeOldest(count: number): Promise<number> {
    const removed = Math.min(count, this.#sizes.length);
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
    return { last: ordinal === 0 ? 0 : ordinal + shift, confirmed };
  }

  async confirmNumbering(deviceId: string): Promise<void> {
    await this.#putCount(deviceId, { ...this.#count(deviceId), confirmed: true });
  }

  /** The position of the last reading that was queued from the source, unless it was forgotten since. */
  position(source: string): Promise<string | undefined> {
    return this.#db.get(`${positionPrefix}${source}`);
  }

  async forgetPosition(source: string): Promise<void> {
    await this.#db.del(`${positionPrefix}${source}`, { sync: true });
  }

  size(): { readings: number; bytes: number } {
    return { readings: this.#sizes.length, bytes: this.#bytes };
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  get #firstId(): number {
    return this.#lastId - this.#sizes.length + 1;
  }

  #count(deviceId: string): Count {
    return this.#counts.get(deviceId) ?? { ordinal: 0, shift: 0, confirmed: false };
  }

  async #putCount(deviceId: string, count: Count): Promise<void> {
    await this.#db.batch([countOperation(deviceId, count)], { sync: true });
    this.#counts.set(deviceId, count);
  }

  async #removeFirst(count: number): Promise<void> {
    if (count <= 0) return;
    await this.#db.clear({ gt: readingPrefix, lt: readingKey(this.#firstId + count) });
    for (const size of this.#sizes.slice(0, count)) this.#bytes -= size;
    this.#sizes = this.#sizes.slice(count);
  }

  async #oldestOrdinal(deviceId: string): Promise<number | undefined> {
    for await (const value of this.#db.values({ gt: readingKey(this.#firstId - 1), lt: `reading${prefixEnd}` })) {
      const [device, , ordinal, numbered] = recordSchema.parse(JSON.parse(value));
      if (device === deviceId && numbered && ordinal !== null) return ordinal;
    }
    return undefined;
  }

  #toReading(key: string, value: string): QueuedReading {
    const [deviceId, timestamp, stored, numbered, dataText] = recordSchema.parse(JSON.parse(value));
    const sequence = numbered && stored !== null ? stored + this.#count(deviceId).shift : (stored ?? undefined);
    return { id: Number(key.slice(readingPrefix.length)), deviceId, timestamp, sequence, numbered, dataText };
  }

  async #load(): Promise<void> {
    this.#lastId = Number((await this.#db.get(lastIdKey)) ?? 0);
    for await (const [key, value] of this.#db.iterator({ gt: countPrefix, lt: `count${prefixEnd}` })) {
      this.#counts.set(key.slice(countPrefix.length), countSchema.parse(JSON.parse(value)));
    }
    for await (const value of this.#db.values({ gt: readingPrefix, lt: `reading${prefixEnd}` })) {
      const [, , , , dataText] = recordSchema.parse(JSON.parse(value));
      const size = recordOverheadBytes + Buffer.byteLength(dataText);
      this.#sizes.push(size);
      this.#bytes += size;
    }
  }
}

/** Fixed width, so that the order of keys is the order of ids. */
function readingKey(id: number): string {
  return `${readingPrefix}${String(id).padStart(16, '0')}`;
}

function countOperation(deviceId: string, count: Count): Operation {
  return { type: 'put', key: `${countPrefix}${deviceId}`, value: JSON.stringify(count) };
}

function whyNotOpen(error: unknown, directory: string): string {
  const reasons: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code === 'LEVEL_LOCKED') {
      return `the queue in ${directory} is in use by another process: one motience-device per queue`;
    }
    reasons.push(at.message);
  }
  return `the queue in ${directory} cannot be opened: ${reasons.join(': ')}`;
}
