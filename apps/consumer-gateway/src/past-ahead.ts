import type { Position } from '@motience/stream-log';
import type { PastPart } from './past-readings.ts';

/** Room for parts that are read ahead. Of those who catch up on one socket, one at a time has it. */
export class AheadRoom {
  constructor(private places = 1) {}

  /** Takes the place of one part; false if there is none. */
  take(): boolean {
    if (this.places === 0) return false;
    this.places -= 1;
    return true;
  }

  give(): void {
    this.places += 1;
  }
}

/**
 * The past of a stream in parts, of which the next is read while one is being sent. What was read ahead is as it was
 * kept: whether somebody may have it is judged when it is taken.
 */
export class PastAhead {
  private ahead: { after: Position; part: Promise<PastPart | undefined> } | undefined;
  /** Whether the part taken last ended at the head, as that was when it was read. */
  private hasReachedHead = false;

  constructor(
    private readonly read: (after: Position) => Promise<PastPart>,
    /** Each has to have room for it. */
    private readonly rooms: readonly AheadRoom[],
  ) {}

  /**
   * What follows a position. Of what was read ahead it is never said that it reaches the head: who joins the stream
   * there must have remembered what came since it was read.
   */
  async take(after: Position): Promise<PastPart> {
    const { ahead } = this;
    this.drop();
    const isNext = ahead?.after.epoch === after.epoch && ahead.after.seq === after.seq;
    const wasRead = isNext ? await ahead.part : undefined;
    const part = wasRead ?? (await this.read(after));
    this.hasReachedHead = part.reachesHead;
    return wasRead ? { ...part, reachesHead: false } : part;
  }

  /** Begins to read what follows a position, if there is room and the part taken last was not the end. */
  begin(after: Position): void {
    if (!this.hasReachedHead) this.hold(after, () => this.read(after));
  }

  /** Keeps what follows a position and is being read already until it is taken, if there is room. */
  keep(after: Position, reading: Promise<PastPart>): void {
    this.hold(after, () => reading);
  }

  /** Gives up what was read ahead, and its room. */
  drop(): void {
    if (!this.ahead) return;
    this.ahead = undefined;
    for (const room of this.rooms) room.give();
  }

  private hold(after: Position, read: () => Promise<PastPart>): void {
    if (this.ahead || !this.takeRoom()) return;
    // What cannot be read ahead is read again when it is taken.
    this.ahead = { after, part: read().catch(() => undefined) };
  }

  private takeRoom(): boolean {
    const taken: AheadRoom[] = [];
    for (const room of this.rooms) {
      if (room.take()) taken.push(room);
    }
    if (taken.length === this.rooms.length) return true;
    for (const room of taken) room.give();
    return false;
  }
}
