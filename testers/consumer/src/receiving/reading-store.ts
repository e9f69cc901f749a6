import type { DeliveredReading } from '@motience/protocol';

/** A reading as it came, and when. */
export interface StoredReading {
  /** Counts what was received on this page. */
  readonly number: number;
  /** Milliseconds since 1970, on this machine's clock. */
  readonly receivedAt: number;
  readonly reading: DeliveredReading;
  /** The frame byte for byte. */
  readonly text: string;
}

export interface StoreBounds {
  readings: number;
  characters: number;
}

const standardBounds: StoreBounds = { readings: 20_000, characters: 24_000_000 };

/** The newest readings, within bounds of number and size, for the table and the download. */
export class ReadingStore {
  readonly #bounds: StoreBounds;
  #readings: StoredReading[] = [];
  #first = 0;
  #characters = 0;
  #total = 0;

  constructor(bounds: StoreBounds = standardBounds) {
    this.#bounds = bounds;
  }

  /** How many were received since the last `clear`, those no longer kept included. */
  get total(): number {
    return this.#total;
  }

  get size(): number {
    return this.#readings.length - this.#first;
  }

  add(receivedAt: number, reading: DeliveredReading, text: string): void {
    this.#total += 1;
    this.#readings.push({ number: this.#total, receivedAt, reading, text });
    this.#characters += text.length;
    while (this.size > this.#bounds.readings || (this.#characters > this.#bounds.characters && this.size > 1)) {
      this.#characters -= this.#readings[this.#first]?.text.length ?? 0;
      this.#first += 1;
    }
    // Moving everything by one for each reading would cost more than letting some dead ones stand.
    if (this.#first > this.#bounds.readings) {
      this.#readings = this.#readings.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The newest first, at most `limit` of those that `matches`; `upTo` leaves out what came after that one. */
  newest(
    limit: number,
    matches: (reading: StoredReading) => boolean,
    upTo = Number.POSITIVE_INFINITY,
  ): StoredReading[] {
    const found: StoredReading[] = [];
    for (let at = this.#readings.length - 1; at >= this.#first && found.length < limit; at -= 1) {
      const stored = this.#readings[at];
      if (stored && stored.number <= upTo && matches(stored)) found.push(stored);
    }
    return found;
  }

  /** One frame per line, in the order received. */
  toJsonLines(): string[] {
    return this.#readings.slice(this.#first).map(({ text }) => `${text}\n`);
  }

  clear(): void {
    this.#readings = [];
    this.#first = 0;
    this.#characters = 0;
    this.#total = 0;
  }
}
