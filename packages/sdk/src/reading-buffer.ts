import type { ReceivedReading } from './consumer-events.ts';

export interface ReadingBufferOptions {
  maxReadings: number;
  /** Asks the network to hold the server back; false if it cannot. */
  pause(): boolean;
  /** There is room again. */
  resume(): void;
  /** The reader has asked for the next one, or learnt that there is none. */
  finished(received: ReceivedReading): void;
}

type Result = IteratorResult<ReceivedReading, undefined>;

/**
 * Holds readings for an async iterator, and knows the one its reader has in hand. Half full, it asks for a pause; full,
 * it takes nothing more. One reader at a time.
 */
export class ReadingBuffer {
  readonly #options: ReadingBufferOptions;
  #readings: ReceivedReading[] = [];
  #next = 0;
  #waiting: { resolve(result: Result): void; reject(error: unknown): void } | undefined;
  #inHand: ReceivedReading | undefined;
  #over: { error: unknown } | undefined;

  constructor(options: ReadingBufferOptions) {
    this.#options = options;
  }

  get #length(): number {
    return this.#readings.length - this.#next;
  }

  /** Whether one more can be pushed. */
  get hasRoom(): boolean {
    return !this.#over && (this.#waiting !== undefined || this.#length < this.#options.maxReadings);
  }

  /** Takes a reading; only while there is room. */
  push(received: ReceivedReading): void {
    if (this.#waiting) {
      this.#inHand = received;
      this.#waiting.resolve({ done: false, value: received });
      this.#waiting = undefined;
      return;
    }
    this.#readings.push(received);
    if (this.#length >= this.#options.maxReadings / 2) this.#options.pause();
  }

  /** The next reading, once there is one; done, or a rejection, after `end` and the last reading. */
  async take(): Promise<Result> {
    if (this.#waiting) throw new TypeError('readings() has one reader at a time');
    if (this.#inHand) this.#options.finished(this.#inHand);
    this.#inHand = undefined;
    const received = this.#readings[this.#next];
    if (received) {
      this.#next += 1;
      this.#inHand = received;
      if (this.#next >= 1024 && this.#next * 2 >= this.#readings.length) {
        this.#readings = this.#readings.slice(this.#next);
        this.#next = 0;
      }
      if (this.#length === Math.floor(this.#options.maxReadings / 4)) this.#options.resume();
      return { done: false, value: received };
    }
    if (this.#over) {
      if (this.#over.error !== undefined) throw this.#over.error;
      return { done: true, value: undefined };
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** Nothing more comes; `error` is thrown to the reader after what is left. */
  end(error?: unknown): void {
    if (this.#over) return;
    this.#over = { error };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (error === undefined) waiting?.resolve({ done: true, value: undefined });
    else waiting?.reject(error);
  }
}
