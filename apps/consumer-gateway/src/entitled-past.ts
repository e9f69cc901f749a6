import type { Position, RetainedBatch } from '@motience/stream-log';
import type { PartRoom } from './part-room.ts';
import type { PastPart, PastReadings } from './past-readings.ts';
import { type EntitledTime, isEntitled } from './services/entitled-times.ts';
import { entitledEvents, eventsAfter, type PastEvent } from './stream-events.ts';

/** What follows a position, as far as a consumer may have it. */
export interface EntitledPart {
  events: PastEvent[];
  /** Whether the position was one to go on from. */
  known: boolean;
  reachesHead: boolean;
}

/** What a consumer may have of a stream. Times are in ms since 1970. */
export interface Entitlement {
  /** Since when its present subscription is active. */
  sinceMs: number;
  /** Reads all its times from PostgreSQL, which only a position from before needs. */
  findTimes(): Promise<EntitledTime[]>;
  /** Since when its time is paid for, where that is what it pays for: as early as `fromMs`, if that can be. */
  coveredFrom(fromMs: number): Promise<number>;
  /** Reads from PostgreSQL which times it paid for before, which only one who goes back further needs. */
  findPaidTimes(): Promise<EntitledTime[]>;
}

/**
 * The past of a stream for one consumer. The times at which it had no active subscription are gaps, and so are those that
 * it has not paid for where it pays by time.
 */
export class EntitledPast {
  private times: readonly EntitledTime[] | undefined;
  private paid: readonly EntitledTime[] = [];
  /** Since when time is covered, as it was when something from before it was asked for last. */
  private coveredFromMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly past: PastReadings,
    private readonly producerId: string,
    private readonly entitlement: Entitlement,
  ) {}

  /** Room for its parts. */
  get room(): PartRoom {
    return this.past.room;
  }

  /** What follows a position, whoever may have it; see `PastReadings.readAfter`. */
  readAfter(position: Position, maxBytes: number): Promise<PastPart> {
    return this.past.readAfter(this.producerId, position, maxBytes);
  }

  /**
   * Finds out what the consumer may have of a part, as of now; time is paid for by it. The part itself is not kept: it can
   * take long.
   */
  findOut(part: PastPart): Promise<void> {
    const oldest = oldestOf(part);
    return oldest ? this.findOutFrom(oldest.retainedAtMs) : Promise.resolve();
  }

  /** What the consumer may have of a part that follows a position, once that was found out. */
  entitledPart(position: Position, part: PastPart): EntitledPart {
    const times = this.times ?? [{ fromMs: this.entitlement.sinceMs, toMs: undefined }];
    const isGiven = (atMs: number) => isEntitled(times, atMs) && this.isCovered(atMs);
    return {
      events: [...entitledEvents(eventsAfter(position, part), isGiven)],
      known: part.standing === 'known',
      reachesHead: part.reachesHead,
    };
  }

  private async findOutFrom(fromMs: number): Promise<void> {
    if (fromMs < this.entitlement.sinceMs) this.times ??= await this.entitlement.findTimes();
    await this.cover(fromMs);
  }

  /** Sees to it that the time from a moment on is paid for, unless it was just said that it cannot be. */
  private async cover(fromMs: number): Promise<void> {
    if (fromMs < this.coveredFromMs) return;
    const coveredFromMs = await this.entitlement.coveredFrom(fromMs);
    this.coveredFromMs = coveredFromMs;
    if (fromMs < coveredFromMs) this.paid = await this.entitlement.findPaidTimes();
  }

  private isCovered(atMs: number): boolean {
    return atMs >= this.coveredFromMs || isEntitled(this.paid, atMs);
  }
}

function oldestOf({ steps }: PastPart): RetainedBatch | undefined {
  return steps.find((step) => step.type === 'batch')?.batch;
}
