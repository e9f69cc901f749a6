/** A reading that waits to be the latest of its device for long enough. */
export interface HeldReading extends ReadingPlace {
  body: Buffer;
}

/** A reading's place in its stream, and the running totals of bytes before it and with it. */
export interface ReadingPlace {
  epoch: string;
  seq: number;
  bytesBefore: number;
  bytesThrough: number;
}

/** Bytes held by all that thin, in this process. */
export interface HeldBytes {
  total: number;
}

/** Held at most: beyond it what is held goes out, however short ago the last did. */
const maxHeldBytes = 256 * 1024;
const maxHeldBytesOfAll = 64 * 1024 * 1024;

/**
 * Keeps the latest reading of each device of a stream until some may be sent: `maxRate` times a second. All that is held
 * goes out at once, in the order of its seq, so that order is kept across devices.
 */
export class Thinning {
  /** In the order of seq. */
  private held = new Map<string, HeldReading>();
  private bytes = 0;
  private dueAt = Number.NEGATIVE_INFINITY;
  private readonly intervalMs: number;

  constructor(
    maxRate: number,
    private readonly all: HeldBytes,
  ) {
    this.intervalMs = 1_000 / maxRate;
  }

  /** Holds a reading, in place of an older one of its device. The body is copied. */
  hold(deviceId: string, place: ReadingPlace, body: Buffer): void {
    const older = this.held.get(deviceId);
    this.held.delete(deviceId);
    this.held.set(deviceId, { ...place, body: Buffer.from(body) });
    this.count(body.length - (older?.body.length ?? 0));
  }

  /** The first seq that is held; undefined if none is. */
  get firstSeq(): number | undefined {
    for (const { seq } of this.held.values()) return seq;
    return undefined;
  }

  /** How long what is held waits from now on, in ms by the clock of `now`; undefined if nothing is held. */
  waitMs(now: number): number | undefined {
    if (this.held.size === 0) return undefined;
    if (this.bytes > maxHeldBytes || this.all.total > maxHeldBytesOfAll) return 0;
    // Clocks may differ, or step.
    return Math.min(Math.max(0, this.dueAt - now), this.intervalMs);
  }

  /** Gives up what is held, in the order of seq; the next goes out one interval after `now` at the earliest. */
  take(now: number): HeldReading[] {
    const readings = [...this.held.values()];
    this.held.clear();
    this.count(-this.bytes);
    this.dueAt = now + this.intervalMs;
    return readings;
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    this.all.total += bytes;
  }
}
