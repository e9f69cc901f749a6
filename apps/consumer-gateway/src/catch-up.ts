import { setImmediate, setTimeout } from 'node:timers/promises';
import { type NumberedBatch, type Position, readBatch } from '@motience/stream-log';
import type { EntitledPart, EntitledPast } from './entitled-past.ts';
import { FrameWriter } from './frame-writer.ts';
import type { LiveStream } from './live-stream.ts';
import type { StreamEvent } from './stream-events.ts';
import { bridgeTo } from './stream-position.ts';
import type { StreamTable } from './stream-table.ts';

/** Where what is caught up on goes to: one socket or event stream. */
interface CatchUpSink {
  /** Runs what sends a lot at once. */
  cork(send: () => void): void;
  reading(frame: Uint8Array, at: Position): void;
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
  position: Position;
  /** Only this device's readings; undefined: all. */
  deviceId: string | undefined;
  sink: CatchUpSink;
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

/** Read from the past at once. */
const partBytes = 512 * 1024;

/** Of a batch, sent in one turn of the loop, so that others get theirs in between. */
const readingsPerTurn = 200;

const longestWaitMs = 1_000;

/** How long nothing may be sent before the position is told, in ms. */
const quietMs = 5_000;

const retryMs = 1_000;

/**
 * Leads one who receives a stream from a position of its own to where the stream stands, through the past, as fast as
 * it reads. To be ended with `end`.
 */
export class CatchUp {
  private readonly frames = new FrameWriter();
  private current: Position;
  private hasAnswered = false;
  private sentAt = performance.now();

  constructor(private readonly options: CatchUpOptions) {
    this.current = options.position;
    options.streams.beginJoining(options.stream);
  }

  /** Everything up to here was sent, or left out. */
  get position(): Position {
    return this.current;
  }

  end(): void {
    this.options.streams.endJoining(this.options.stream);
  }

  /** Resolves when it is over or not wanted any more. While the past cannot be read it tries again. */
  async run(): Promise<void> {
    for (;;) {
      if (await this.isHeldUp()) return;
      this.tellPosition();
      const part = await this.read();
      if (!this.options.isWanted()) return;
      // What was read may not be sent while rights may be out of date.
      if (!part || this.options.streams.isPaused) continue;
      if (!(await this.sendAll(this.answered(part.events, part.known)))) return;
      if (part.reachesHead && (await this.crossBridge())) return;
    }
  }

  /** What follows; undefined, after a pause, if it cannot be read now. */
  private async read(): Promise<EntitledPart | undefined> {
    try {
      return await this.options.past.readAfter(this.current, partBytes);
    } catch (err) {
      this.options.onError(err);
      await setTimeout(retryMs);
      return undefined;
    }
  }

  private tellPosition(): void {
    if (!this.hasAnswered || performance.now() - this.sentAt < quietMs) return;
    this.options.sink.position(this.current);
    this.sentAt = performance.now();
  }

  /** Waits until it may send. Whether it is not wanted any more. */
  private async isHeldUp(): Promise<boolean> {
    const { sink, streams, isWanted } = this.options;
    while (isWanted() && (sink.isFull || streams.isPaused))
      await (sink.isFull ? sink.whenDrained() : streams.whenResumed());
    return !isWanted();
  }

  /** Answers, the first time, and leaves out of the events what that has told. */
  private answered(events: StreamEvent[], known: boolean): StreamEvent[] {
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

  private async sendAll(events: readonly StreamEvent[]): Promise<boolean> {
    for (const event of events) {
      if (await this.isHeldUp()) return false;
      if (event.type === 'batch') {
        if (!(await this.sendBatch(event.batch, event.after))) return false;
      } else {
        this.options.sink.control(event);
        this.sentAt = performance.now();
      }
      this.current = event.at;
    }
    return this.options.isWanted();
  }

  private async sendBatch({ epoch, firstSeq, batch }: NumberedBatch, after: number): Promise<boolean> {
    let seq = firstSeq - 1;
    for (let from = 0; ; ) {
      let sent = 0;
      const send = (deviceId: string, body: Buffer) => {
        seq += 1;
        sent += 1;
        if (seq > after) this.sendReading(deviceId, body, { epoch, seq });
        return sent < readingsPerTurn && !this.options.sink.isFull;
      };
      this.options.sink.cork(() => {
        from = readBatch(batch, send, from);
      });
      if (from === batch.length) return true;
      await setImmediate();
      if (await this.isHeldUp()) return false;
    }
  }

  private sendReading(deviceId: string, body: Buffer, at: Position): void {
    const { sink, deviceId: only } = this.options;
    this.current = at;
    if (only !== undefined && only !== deviceId) return;
    sink.reading(this.frames.frameOf(body, at.seq), at);
    this.sentAt = performance.now();
  }

  /** Sends the few readings that the stream is ahead by. False if they have to be read from the past. */
  private async crossBridge(): Promise<boolean> {
    const { stream, streams, sink, isWanted, reached } = this.options;
    for (let isLate = false; ; ) {
      if (!isWanted()) return true;
      if (!stream.position || sink.isFull || streams.isPaused) return false;
      const bridge = bridgeTo(stream.position, stream.recent?.all ?? [], this.current);
      if (bridge.type === 'behind') return false;
      if (bridge.type === 'join') {
        for (const batch of bridge.batches) sink.cork(() => this.sendNow(batch));
        if (reached() === 'over') return true;
      } else if (isLate) {
        // What was published has not come, and may have been lost.
        streams.fill(stream);
        return false;
      }
      isLate = !(await hasAdvanced(stream));
      if (stream.position.epoch !== this.current.epoch && !isLate) return false;
    }
  }

  private sendNow({ epoch, firstSeq, batch }: NumberedBatch): void {
    const { seq: after } = this.current;
    let seq = firstSeq - 1;
    readBatch(batch, (deviceId, body) => {
      seq += 1;
      if (seq > after) this.sendReading(deviceId, body, { epoch, seq });
    });
  }
}

/** Resolves with true when a stream was given something, and with false after a second. */
function hasAdvanced(stream: LiveStream): Promise<boolean> {
  return new Promise((resolve) => {
    const advanced = () => {
      clearTimeout(timer);
      resolve(true);
    };
    const timer = globalThis.setTimeout(() => {
      stream.waiting.delete(advanced);
      resolve(false);
    }, longestWaitMs);
    stream.waiting.add(advanced);
  });
}
