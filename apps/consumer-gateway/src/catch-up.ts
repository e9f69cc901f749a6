import { setImmediate, setTimeout } from 'node:timers/promises';
import { orLate } from '@motience/service-kit';
import { type NumberedBatch, type Position, visitReadings } from '@motience/stream-log';
import type { EntitledPast } from './entitled-past.ts';
import { FrameWriter } from './frame-writer.ts';
import { hasAdvanced, type LiveStream } from './live-stream.ts';
import { type FieldFilter, fieldFilter, isEverything, type Narrowing } from './narrowing.ts';
import { type AheadRoom, PastAhead } from './past-ahead.ts';
import type { PastEvent, StreamEvent } from './stream-events.ts';
import { bridgeTo } from './stream-position.ts';
import type { StreamTable } from './stream-table.ts';
import { type ReadingPlace, Thinning } from './thinning.ts';

/** Where what is caught up on goes to: one socket or event stream. */
interface CatchUpSink {
  /** Runs what sends a lot at once. */
  cork(send: () => void): void;
  reading(frame: Uint8Array, place: ReadingPlace): void;
  control(event: Exclude<StreamEvent, { type: 'batch' }>): void;
  /** Everything up to here was left out by its narrowing. */
  position(at: Position): void;
  /** Whether so much waits to be read at the other end that it has to wait. */
  readonly isFull: boolean;
  /** Resolves when there is room again, or nobody is there any more. */
  whenDrained(): Promise<void>;
}

export interface CatchUpOptions {
  stream: LiveStream;
  streams: StreamTable;
  past: EntitledPast;
  /** What of the past is read ahead has to find room here. */
  aheadRoom: AheadRoom;
  position: Position;
  narrowing: Narrowing;
  sink: CatchUpSink;
  /** Runs what reads and sends a part when it is its turn. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result>;
  /** The past could not be read. */
  onError(error: unknown): void;
  /** Whether it should go on; looked at after every wait. */
  isWanted(): boolean;
  /** Tells where it goes on, once what follows the position is known: before anything else is sent. */
  answer(at: Position, recovered: boolean): void;
  /**
   * Called when it stands where the stream does: what the stream is given from now on is what comes next. It is over if
   * that is taken care of; otherwise it goes on leading.
   */
  reached(): 'over' | 'go-on';
}

/**
 * Read from the past at once. A socket has at most as many parts in memory as it may have backfills at once, and one that
 * is read ahead; all together as many as there is room for (`part-room.ts`).
 */
const partBytes = 512 * 1024;

/** Sent in one turn of the loop, so that others get theirs in between. */
const readingsPerTurn = 200;

const longestWaitMs = 1_000;

/** How long nothing may be sent before the position is told, in ms. */
const quietMs = 5_000;

const retryMs = 1_000;

/** How long one who does not read may keep a part that was read for it while others wait for room, in ms. */
const stallMs = 1_000;

/**
 * How long a part may take to be read before its turn is over, in ms: twice as long after each that took longer, and twice
 * as long as the last one took, so that what is slow is sent in the end, and not read again and again.
 */
const firstPatienceMs = 500;
const longestPatienceMs = 30_000;

/** What could not be had in time; resolves once it can be, or with the error that comes of it. */
interface Late {
  error: Promise<unknown>;
}

/**
 * Leads one who receives a stream from a position of its own to where the stream stands, through the past, as fast as
 * it reads.
 */
export class CatchUp {
  private readonly frames = new FrameWriter();
  private readonly isNarrowed: boolean;
  private readonly filter: FieldFilter | undefined;
  private readonly thinning: Thinning | undefined;
  private readonly ahead: PastAhead;
  /** Everything up to here was read. */
  private current: Position;
  /** When what was read last was numbered, in ms since 1970. */
  private now = 0;
  private patienceMs = firstPatienceMs;
  private hasAnswered = false;
  /** Readings since others had their turn of the loop. */
  private sentInTurn = 0;
  private sentAt = performance.now();

  constructor(private readonly options: CatchUpOptions) {
    const { narrowing, streams, past, aheadRoom } = options;
    this.ahead = new PastAhead((after) => past.readAfter(after, partBytes), [aheadRoom, past.room.ahead]);
    this.isNarrowed = !isEverything(narrowing);
    this.filter = fieldFilter(narrowing);
    this.thinning = narrowing.maxRate === undefined ? undefined : new Thinning(narrowing.maxRate, streams.heldBytes);
    this.current = options.position;
  }

  /** Everything up to here was sent, or left out. */
  get position(): Position {
    const { firstSeq } = this.thinning ?? {};
    return firstSeq === undefined ? this.current : { epoch: this.current.epoch, seq: firstSeq - 1 };
  }

  /** Sends what is held for the sake of `max_rate`. */
  flush(): void {
    this.options.sink.cork(() => {
      for (const reading of this.thinning?.take(this.now) ?? []) {
        this.send(this.frames.frameOf(reading.body, reading.seq), reading);
      }
    });
  }

  /** Resolves when it is over or not wanted any more. While the past cannot be read it tries again. */
  async run(): Promise<void> {
    try {
      while (!(await this.isHeldUp())) {
        this.tellPosition();
        const outcome = await this.takeTurn();
        if (outcome === 'over') return;
        // Its turn is over while it waits for what cannot be read now.
        if (outcome === 'go-on') continue;
        await this.waitFor(outcome);
      }
    } finally {
      this.ahead.drop();
      this.thinning?.take(this.now);
    }
  }

  /** Sends a part when it is its turn; while that takes long it is told where it stands. */
  private async takeTurn(): Promise<'over' | 'go-on' | Late> {
    const timer = setInterval(() => this.tellPosition(), retryMs);
    try {
      return await this.options.inTurn(() => this.sendPart());
    } finally {
      clearInterval(timer);
    }
  }

  /** Sends a part of what follows, unless that cannot be read soon. */
  private async sendPart(): Promise<'over' | 'go-on' | Late> {
    const { stream, streams, past } = this.options;
    try {
      const outcome = await past.room.use(() => {
        // What comes while it is read is remembered.
        streams.beginJoining(stream);
        return this.sendPast();
      });
      if (outcome !== 'reached') return outcome;
      return (await this.crossBridge()) ? 'over' : 'go-on';
    } finally {
      streams.endJoining(stream);
    }
  }

  /** The same for what lies before the head. The part is not kept longer than this takes. */
  private async sendPast(): Promise<'over' | 'go-on' | 'reached' | Late> {
    const { streams, past, sink, isWanted } = this.options;
    if (!isWanted()) return 'over';
    if (sink.isFull || streams.isPaused) return 'go-on';
    const after = this.current;
    const startedAt = performance.now();
    const reading = this.ahead.take(after);
    if (!(await this.isInTime(reading))) {
      this.ahead.keep(after, reading);
      return lateWith(reading);
    }
    this.patienceMs = Math.max(firstPatienceMs, 2 * (performance.now() - startedAt));
    const part = await reading;
    const foundOut = past.findOut(part);
    if (!(await this.isInTime(foundOut))) return lateWith(foundOut);
    if (!isWanted()) return 'over';
    // What was read may not be sent while rights may be out of date.
    if (streams.isPaused) return 'go-on';
    const { events, known, reachesHead } = past.entitledPart(after, part);
    this.ahead.begin(events.at(-1)?.at ?? after);
    if (await this.sendAll(this.answered(events, known))) return reachesHead ? 'reached' : 'go-on';
    this.ahead.drop();
    return isWanted() ? 'go-on' : 'over';
  }

  private isInTime(work: Promise<unknown>): Promise<boolean> {
    const succeeds = work.then(
      () => true,
      () => false,
    );
    return orLate(succeeds, this.patienceMs, () => false);
  }

  /** Waits for what takes long, and a moment more if it fails. */
  private async waitFor({ error: failed }: Late): Promise<void> {
    const { isWanted, onError } = this.options;
    const stillReading = Symbol();
    let error: unknown = stillReading;
    while (isWanted() && error === stillReading) {
      this.tellPosition();
      error = await Promise.race([failed, setTimeout(retryMs, stillReading)]);
    }
    if (!isWanted()) return;
    if (error === undefined) {
      this.patienceMs = Math.min(this.patienceMs * 2, longestPatienceMs);
      return;
    }
    onError(error);
    this.patienceMs = firstPatienceMs;
    await setTimeout(retryMs);
  }

  private tellPosition(): void {
    const { isWanted, streams, sink } = this.options;
    if (!this.hasAnswered || performance.now() - this.sentAt < quietMs) return;
    if (!isWanted() || streams.isPaused || sink.isFull) return;
    sink.position(this.position);
    this.sentAt = performance.now();
  }

  /** Waits until it may send. Whether it is not wanted any more. */
  private async isHeldUp(): Promise<boolean> {
    const { sink, streams, isWanted } = this.options;
    while (isWanted() && (sink.isFull || streams.isPaused)) {
      // What goes out after a pause is read after it.
      if (streams.isPaused) this.ahead.drop();
      if (!sink.isFull) await streams.whenResumed();
      else {
        const drained = sink.whenDrained();
        await orLate(drained, stallMs, () => this.ahead.drop());
        await drained;
      }
    }
    return !isWanted();
  }

  /**
   * Waits until the rest of a part may be sent. Whether it is given up instead: it is not wanted any more, or is read again
   * later, because rights may be out of date, or the other end does not read while others wait for room.
   */
  private async isGivenUp(): Promise<boolean> {
    const { sink, streams, past, isWanted } = this.options;
    while (isWanted() && !streams.isPaused && sink.isFull) {
      const drained = sink.whenDrained().then(() => true);
      while (!(await orLate(drained, stallMs, () => false))) if (past.room.isWanted || !isWanted()) return true;
    }
    return !isWanted() || streams.isPaused;
  }

  /** Answers, the first time, and leaves out of the events what that has told. */
  private answered(events: PastEvent[], known: boolean): PastEvent[] {
    if (this.hasAnswered) return events;
    this.hasAnswered = true;
    const [first, ...rest] = events;
    if (known || !first) {
      this.options.answer(this.current, first?.type !== 'gap');
      return events;
    }
    this.current = first.at;
    this.options.answer(first.at, false);
    return rest;
  }

  /** Whether all were sent; if not, it stands where it came to. */
  private async sendAll(events: readonly PastEvent[]): Promise<boolean> {
    for (const event of events) {
      if (await this.isGivenUp()) return false;
      if (event.type === 'batch') {
        this.flushIfDue(event.batch.retainedAtMs);
        if (!(await this.sendBatch(event.batch, event.after))) return false;
        this.flushIfDue(event.batch.retainedAtMs);
      } else {
        this.flush();
        this.options.sink.control(event);
        this.sentAt = performance.now();
      }
      this.current = event.at;
    }
    return this.options.isWanted();
  }

  private async sendBatch(numbered: NumberedBatch, after: number): Promise<boolean> {
    const { sink } = this.options;
    const place = startOf(numbered);
    const isTurnOver = () => this.sentInTurn >= readingsPerTurn || sink.isFull;
    while (place.byte < numbered.batch.length) {
      if (isTurnOver()) {
        this.sentInTurn = 0;
        await setImmediate();
        if (await this.isGivenUp()) return false;
      }
      sink.cork(() => this.sendReadings(numbered, after, place, isTurnOver));
    }
    return true;
  }

  /** Sends the readings of a batch from a place in it on that come after a seq, and moves the place. */
  private sendReadings(numbered: NumberedBatch, after: number, from: BatchPlace, isTurnOver = () => false): void {
    const { epoch, batch } = numbered;
    const isCounted = numbered.bytesThrough > numbered.bytesBefore;
    const sendOne = (deviceStart: number, deviceEnd: number, bodyStart: number, bodyEnd: number) => {
      from.seq += 1;
      const { seq, bytesThrough: bytesBefore } = from;
      if (isCounted) from.bytesThrough += bodyEnd - bodyStart;
      if (seq <= after) return true;
      this.sentInTurn += 1;
      const place = { epoch, seq, bytesBefore, bytesThrough: from.bytesThrough };
      this.current = place;
      if (this.isNarrowed) {
        const deviceId = batch.toString('latin1', deviceStart, deviceEnd);
        this.sendNarrowed(deviceId, batch.subarray(bodyStart, bodyEnd), place);
      } else this.send(this.frames.frameOf(batch, seq, bodyStart, bodyEnd), place);
      return !isTurnOver();
    };
    from.byte = visitReadings(batch, sendOne, from.byte);
  }

  private sendNarrowed(deviceId: string, body: Buffer, place: ReadingPlace): void {
    const { deviceId: only } = this.options.narrowing;
    if (only !== undefined && only !== deviceId) return;
    const kept = this.filter ? this.filter(body) : body;
    if (!kept) return;
    if (this.thinning) this.thinning.hold(deviceId, place, kept);
    else this.send(this.frames.frameOf(kept, place.seq), place);
  }

  private send(frame: Uint8Array, place: ReadingPlace): void {
    this.options.sink.reading(frame, place);
    this.sentAt = performance.now();
  }

  /** Sends what is held if it may go out by the clock that readings are timed with, in ms since 1970. */
  private flushIfDue(now: number): void {
    this.now = now;
    if (this.thinning?.waitMs(now) === 0) this.flush();
  }

  /** Sends the few readings that the stream is ahead by. False if they have to be read from the past. */
  private async crossBridge(): Promise<boolean> {
    const { stream, streams, sink, isWanted, reached } = this.options;
    for (let waitedMs = 0; ; ) {
      if (!isWanted()) return true;
      if (!stream.position || sink.isFull || streams.isPaused) return false;
      const bridge = bridgeTo(stream.position, stream.recent?.all ?? [], this.current);
      if (bridge.type === 'behind') return false;
      if (bridge.type === 'join') {
        for (const batch of bridge.batches) sink.cork(() => this.sendReadings(batch, this.current.seq, startOf(batch)));
      } else if (waitedMs >= longestWaitMs) {
        // What was published has not come, and may have been lost.
        streams.fill(stream);
        return false;
      }
      this.flushIfDue(Date.now());
      if (bridge.type === 'join' && reached() === 'over') return true;
      const waitMs = Math.min(this.thinning?.waitMs(Date.now()) ?? longestWaitMs, longestWaitMs);
      const advanced = await hasAdvanced(stream, waitMs);
      if (advanced && stream.position.epoch !== this.current.epoch) return false;
      waitedMs = advanced ? 0 : waitedMs + waitMs;
    }
  }
}

/** How far into a batch somebody is: the byte to go on from, the seq before that, and the running total through it. */
interface BatchPlace {
  byte: number;
  seq: number;
  bytesThrough: number;
}

function startOf({ firstSeq, bytesBefore }: NumberedBatch): BatchPlace {
  return { byte: 0, seq: firstSeq - 1, bytesThrough: bytesBefore };
}

function lateWith(work: Promise<unknown>): Late {
  const error = work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error };
}
