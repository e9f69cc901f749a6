import { Refusal } from '@motience/protocol';
import type { NewReading, QueuedReading, ReadingQueue } from './reading-queue.ts';

interface Waiting {
  readings: readonly NewReading[];
  appended: QueuedReading[];
  resolve(readings: QueuedReading[]): void;
  reject(error: unknown): void;
}

export interface AppenderOptions {
  queue: ReadingQueue;
  number: boolean;
  whenFull: 'wait' | 'drop-oldest' | 'refuse';
  /** Runs one use of the queue after the other. */
  serially<T>(use: () => Promise<T>): Promise<T>;
  appended(readings: QueuedReading[]): void;
  dropped(readings: number): void;
}

const maxWaiting = 10_000;
const readingsPerWrite = 1_000;

/** Puts readings into the queue: what comes while a write is under way shares the next one. */
export class Appender {
  readonly #options: AppenderOptions;
  #waiting: Waiting[] = [];
  #waitingReadings = 0;
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  #roomMade = true;
  #stopped = false;

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  /**
   * Resolves once all of them are in the queue. `unavailable` after `stop`, if the queue is full and is to refuse, or
   * if more than 10,000 readings wait for room because the caller does not.
   */
  append(readings: readonly NewReading[]): Promise<QueuedReading[]> {
    if (this.#stopped) return Promise.reject(new Refusal('unavailable', 'the client is stopped'));
    if (this.#waitingReadings > 0 && this.#waitingReadings + readings.length > maxWaiting) {
      return Promise.reject(new Refusal('unavailable', `more than ${maxWaiting} readings wait for room in the queue`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ readings, appended: [], resolve, reject });
      this.#waitingReadings += readings.length;
      this.roomMade();
    });
  }

  /** To be called when the queue has lost readings. */
  roomMade(): void {
    this.#roomMade = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#run();
  }

  /** Takes nothing more, queues what there is room for, and refuses what is left. Resolves when that is done. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.roomMade();
    return this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 && this.#roomMade) {
      try {
        await this.#appendNext();
      } catch (error) {
        this.#rejectAll(error);
      }
    }
    if (this.#stopped) this.#rejectAll(new Refusal('unavailable', 'the client is stopped'));
    this.#isRunning = false;
  }

  async #appendNext(): Promise<void> {
    const { queue, number, whenFull, serially } = this.#options;
    const next = this.#nextReadings();
    // Room made from here on is noticed, also while this write is under way.
    this.#roomMade = false;
    const appended = await serially(() => queue.append(next, { number }));
    this.#handOut(appended);
    if (appended.length > 0) this.#options.appended(appended);
    if (appended.length > 0 || whenFull !== 'wait') this.#roomMade = true;
    if (appended.length === next.length) return;
    if (queue.size().readings === 0) throw new Refusal('too-large', 'the reading is larger than the queue may become');
    if (whenFull === 'refuse') throw new Refusal('unavailable', 'the queue of unacknowledged readings is full');
    if (whenFull === 'drop-oldest') {
      const dropped = await serially(() => queue.removeOldest(next.length - appended.length));
      if (dropped > 0) this.#options.dropped(dropped);
    }
  }

  #nextReadings(): NewReading[] {
    const next: NewReading[] = [];
    for (const { readings, appended } of this.#waiting) {
      next.push(...readings.slice(appended.length, appended.length + readingsPerWrite));
      if (next.length >= readingsPerWrite) break;
    }
    return next.slice(0, readingsPerWrite);
  }

  #handOut(appended: readonly QueuedReading[]): void {
    this.#waitingReadings -= appended.length;
    let from = 0;
    for (const caller of this.#waiting) {
      const share = appended.slice(from, from + caller.readings.length - caller.appended.length);
      caller.appended.push(...share);
      from += share.length;
      if (from >= appended.length) break;
    }
    const done = this.#waiting.filter(({ readings, appended }) => appended.length === readings.length);
    this.#waiting = this.#waiting.filter(({ readings, appended }) => appended.length < readings.length);
    for (const { resolve, appended } of done) resolve(appended);
  }

  #rejectAll(error: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingReadings = 0;
    for (const { reject } of waiting) reject(error);
  }
}
