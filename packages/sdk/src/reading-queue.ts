/** Where the sender has a reading from: a source of its own naming, and how far into it, in its own words. */
export interface Origin {
  source: string;
  position: string;
}

/** A reading as it is put into a queue. `dataText` is its `data` as JSON text, sent byte for byte. */
export interface NewReading {
  deviceId: string;
  /** RFC 3339. */
  timestamp: string;
  dataText: string;
  /** The device's own number, never changed. Without it, the queue gives one if it is asked to. */
  sequence: number | undefined;
  /** Never sent. A queue on disk keeps the position that came last from each source, written with the reading. */
  origin?: Origin | undefined;
}

/** A reading that waits for its acknowledgement. */
export interface QueuedReading extends NewReading {
  /** Place in the queue: grows with every reading, is never used again. */
  readonly id: number;
  /** Whether `sequence` came from the queue, which may then give a higher one. */
  readonly numbered: boolean;
}

/**
 * Keeps readings in order until they are acknowledged. `ProducerClient` makes one call at a time. A queue is bounded;
 * where it is on disk, what `append` resolved with survives a crash.
 */
export interface ReadingQueue {
  /**
   * Puts readings at the end, as many as there is room for, and gives those. With `number`, readings without a
   * `sequence` get the next of their device, which never falls back, also while the queue is empty.
   */
  append(readings: readonly NewReading[], options: { number: boolean }): Promise<QueuedReading[]>;
  /** The oldest readings with an id above `afterId`, in order: at most `limit` and, but for the first, `maxBytes`. */
  read(afterId: number, limit: number, maxBytes: number): Promise<QueuedReading[]>;
  /** Removes everything up to `id`. */
  removeThrough(id: number): Promise<void>;
  /** Removes up to `count` of the oldest readings; gives how many. */
  removeOldest(count: number): Promise<number>;
  /**
   * Gives the device's waiting readings that the queue had numbered new numbers, from `above` + 1 on, and lets later
   * ones follow. All or none, also across a crash. `conflict` if the numbers would pass 2^53 - 1.
   */
  renumber(deviceId: string, above: number): Promise<void>;
  /** What is known of a device's numbering; `last` is 0 if the queue has given none yet. */
  numbering(deviceId: string): Promise<Numbering>;
  /** Notes, for good, that the server has stored a reading under the device's present numbering. */
  confirmNumbering(deviceId: string): Promise<void>;
  /** What waits now. */
  size(): { readings: number; bytes: number };
}

export interface Numbering {
  /** Highest number the queue has given. */
  last: number;
  /** Whether the server is known to have stored a reading under this numbering, so that a repeat is one of ours. */
  confirmed: boolean;
}
