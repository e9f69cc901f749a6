import { Refusal } from '@motience/protocol';
import { encodedBytes } from './encode-readings.ts';
import type { NewReading, Numbering, QueuedReading, ReadingQueue } from './reading-queue.ts';

export interface MemoryQueueOptions {
  /** 16,384 by default. */
  maxReadings?: number;
  /** 16 MiB by default. */
  maxBytes?: number;
}

/** A bounded queue in memory: what waits is lost with the process. */
export class MemoryQueue implements ReadingQueue {
  readonly #maxReadings: number;
  readonly #maxBytes: number;
  readonly #numberings = new Map<string, Numbering>();
  #readings: QueuedReading[] = [];
  #bytes = 0;
  #lastId = 0;

  constructor({ maxReadings = 16_384, maxBytes = 16 * 1024 * 1024 }: MemoryQueueOptions = {}) {
    this.#maxReadings = maxReadings;
    this.#maxBytes = maxBytes;
  }

  async append(readings: readonly NewReading[], { number }: { number: boolean }): Promise<QueuedReading[]> {
    const appended: QueuedReading[] = [];
    for (const reading of readings) {
      const numbered = number && reading.sequence === undefined;
      const { last, confirmed } = this.#numbering(reading.deviceId);
      const queued = {
        ...reading,
        id: this.#lastId + 1,
        numbered,
        sequence: numbered ? checkedSequence(last + 1) : reading.sequence,
      };
      const bytes = encodedBytes(queued);
      if (this.#readings.length >= this.#maxReadings || this.#bytes + bytes > this.#maxBytes) break;
      if (numbered) this.#numberings.set(reading.deviceId, { last: last + 1, confirmed });
      this.#lastId += 1;
      this.#bytes += bytes;
      this.#readings.push(queued);
      appended.push(queued);
    }
    return appended;
  }

  async read(afterId: number, limit: number, maxBytes: number): Promise<QueuedReading[]> {
    const from = this.#indexAfter(afterId);
    const found: QueuedReading[] = [];
    let bytes = 0;
    for (let at = from; at < this.#readings.length && found.length < limit; at += 1) {
      const reading = this.#readings[at];
      if (!reading) break;
      bytes += encodedBytes(reading);
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(reading);
    }
    return found;
  }

  async removeThrough(id: number): Promise<void> {
    this.#removeFirst(this.#indexAfter(id));
  }

  async removeOldest(count: number): Promise<number> {
    const removed = Math.min(count, this.#readings.length);
    this.#removeFirst(removed);
    return removed;
  }

  async renumber(deviceId: string, above: number): Promise<void> {
    const { last } = this.#numbering(deviceId);
    const first = this.#readings.find((reading) => reading.numbered && reading.deviceId === deviceId)?.sequence;
    const shift = above + 1 - (first ?? last + 1);
    checkedSequence(last + shift);
    this.#readings = this.#readings.map((reading) =>
      reading.numbered && reading.deviceId === deviceId && reading.sequence !== undefined
        ? { ...reading, sequence: reading.sequence + shift }
        : reading,
    );
    this.#numberings.set(deviceId, { last: last + shift, confirmed: false });
  }

  async numbering(deviceId: string): Promise<Numbering> {
    return this.#numbering(deviceId);
  }

  async confirmNumbering(deviceId: string): Promise<void> {
    this.#numberings.set(deviceId, { ...this.#numbering(deviceId), confirmed: true });
  }

  size(): { readings: number; bytes: number } {
    return { readings: this.#readings.length, bytes: this.#bytes };
  }

  #numbering(deviceId: string): Numbering {
    return this.#numberings.get(deviceId) ?? { last: 0, confirmed: false };
  }

  /** Ids have no holes, so a reading's place follows from its distance to the first. */
  #indexAfter(id: number): number {
    const first = this.#readings[0];
    return first ? Math.min(Math.max(id + 1 - first.id, 0), this.#readings.length) : 0;
  }

  #removeFirst(count: number): void {
    for (const reading of this.#readings.slice(0, count)) this.#bytes -= encodedBytes(reading);
    this.#readings = this.#readings.slice(count);
  }
}

/** Throws `conflict` if a number is beyond what JSON carries exactly. */
export function checkedSequence(sequence: number): number {
  if (Number.isSafeInteger(sequence)) return sequence;
  throw new Refusal('conflict', 'the numbers of this device are used up: the server has stored a sequence near 2^53');
}
