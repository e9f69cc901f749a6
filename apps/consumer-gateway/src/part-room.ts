import pLimit, { type LimitFunction } from 'p-limit';
import { AheadRoom } from './past-ahead.ts';

/** With parts of 512 KiB: 32 MiB, and as much again of what is read ahead. */
const partsOfAll = 64;

/** Room in memory for parts of the past, of all sockets and event streams of this process together. */
export class PartRoom {
  /** Room for parts that are read ahead: who finds none does without. */
  readonly ahead: AheadRoom;
  private readonly limit: LimitFunction;

  constructor(parts = partsOfAll) {
    this.ahead = new AheadRoom(parts);
    this.limit = pLimit(parts);
  }

  /** Whether others wait for room. */
  get isWanted(): boolean {
    return this.limit.pendingCount > 0;
  }

  /**
   * Runs what has a part in memory until it is done, once there is room; all get it in the order in which they ask. What
   * has it must not wait for long for anything that somebody else may keep it waiting for.
   */
  use<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.limit(work);
  }
}
