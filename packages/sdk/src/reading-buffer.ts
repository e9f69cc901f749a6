import type { ReceivedReading } from './consumer-events.ts';

export interface ReadingBufferOptions {
  maxReadings: number;
  /** Asks the network to hold the server back; false if it cannot. */
  pause(): boolean;
  resume(): void;
}

type Result = IteratorResult<ReceivedReading, undefined>;

/**
 * Holds readings for an async iterator. Half full, it asks for a pause; full, it takes nothing more. One reader at a
 * time.
 */
export class ReadingBuffer {
  readonly #options: ReadingBufferOptions;
  #readings: ReceivedReading[] = [];
  #next = 0;
  #waiting: { resolve(result: Result): void; reject(error: unknown): void } | undefined;
  #over: { error: unknown } | undefined;

  constructor(options: ReadingBufferOptions) {
    this.#options = options;
  }

  get #length(): number {
    return this.#readings.length - this.#next;
  }

  /** Whether the reading was taken. */
  push(received: ReceivedReading): boolean {
    if (this.#over) return false;
    if (this.#waiting) {
      this.#waiting.resolve({ done: false, value: received });
      this.#waiting = undefined;
      return true;
    }
    if (this.#length >= this.#options.maxReadings) return false;
    this.#readings.push(received);
    if (this.#length >= this.#options.maxReadings / 2) this.#options.pause();
    return true;
  }

  /** The next reading, once there is one; done, or a rejection, after `end` and the last reading. */
  async take(): Promise<Result> {
    const received = this.#readings[this.#next];
    if (received) {
      this.#next += 1;
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
    if (this.#waiting) throw new TypeError('readings() has one reader at a time');
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
