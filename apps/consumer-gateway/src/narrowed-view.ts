import type { Position } from '@motience/stream-log';
import { FrameWriter } from './frame-writer.ts';
import type { MeteredFeed } from './metered-feed.ts';
import { type FieldFilter, fieldFilter, type Narrowing, topicOf } from './narrowing.ts';
import { type HeldBytes, type HeldReading, type ReadingPlace, Thinning } from './thinning.ts';

/** The part of a socket that a view needs. */
export interface ViewSocket {
  sendBytes(frame: Uint8Array): void;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
}

export interface ViewContext {
  publish(topic: string, frame: Uint8Array): void;
  /** Whether nothing may be sent now, because rights may be out of date. */
  isPaused(): boolean;
  heldBytes: HeldBytes;
}

/** One who gets what is held when it joins, apart from the others. */
export interface Joiner {
  /** It had everything up to here. */
  after: number;
  send(frame: Uint8Array, reading: HeldReading): void;
  /** From now on it gets what all get. */
  joined(): void;
}

const retryMs = 200;

/**
 * What all sockets get that narrow a stream in the same way: worked out once for all of them. With a `max_rate` the
 * latest readings are held until they may go out; whoever joins meanwhile gets, of those, only what it has not had.
 */
export class NarrowedView {
  private readonly topic: string;
  private readonly frames = new FrameWriter();
  private readonly filter: FieldFilter | undefined;
  private readonly thinning: Thinning | undefined;
  private readonly sockets = new Set<ViewSocket>();
  /** They are not subscribed before the next flush. */
  private readonly joiners = new Map<ViewSocket, Joiner>();
  /** What goes out to all; undefined while none of them is metered. */
  metered: MeteredFeed | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    producerId: string,
    narrowing: Narrowing,
    private readonly context: ViewContext,
  ) {
    this.topic = topicOf(producerId, narrowing);
    this.filter = fieldFilter(narrowing);
    this.thinning = narrowing.maxRate === undefined ? undefined : new Thinning(narrowing.maxRate, context.heldBytes);
  }

  get isEmpty(): boolean {
    return this.sockets.size === 0;
  }

  /** A socket gets what comes next. */
  join(socket: ViewSocket, joiner: Joiner): void {
    this.sockets.add(socket);
    if (this.thinning?.firstSeq === undefined) this.subscribe(socket, joiner);
    else this.joiners.set(socket, joiner);
  }

  /** A socket gets nothing any more, also of what is held; `positionOf` tells where it stands. */
  leave(socket: ViewSocket): void {
    this.joiners.delete(socket);
    this.sockets.delete(socket);
    socket.unsubscribe(this.topic);
    if (!this.isEmpty) return;
    clearTimeout(this.timer);
    this.thinning?.take(0);
  }

  /** The next reading of a device that the view is about. The body is copied. */
  reading(deviceId: string, place: ReadingPlace, body: Buffer): void {
    const kept = this.filter ? this.filter(body) : body;
    if (!kept) return;
    if (this.thinning) this.thinning.hold(deviceId, place, kept);
    else this.publish(this.frames.frameOf(kept, place.seq), place);
  }

  /** To be called after the readings of a batch: what may go out does. */
  batchDone(): void {
    const waitMs = this.thinning?.waitMs(performance.now());
    if (waitMs === 0) this.flush();
    else if (waitMs !== undefined) this.flushIn(waitMs);
  }

  /** Sends a control frame, after what is held. */
  control(frame: Uint8Array): void {
    if (this.thinning?.firstSeq !== undefined) this.flush();
    this.context.publish(this.topic, frame);
  }

  /** Tells the sockets up to where they got all they are to get; the stream stands at `at`. */
  tellPosition(at: Position, frameOf: (at: Position) => Uint8Array): void {
    this.context.publish(this.topic, frameOf(this.dealtWith(at)));
    for (const socket of this.joiners.keys()) socket.sendBytes(frameOf(this.positionOf(socket, at)));
  }

  /** Up to where a socket got all it is to get; the stream stands at `at`. */
  positionOf(socket: ViewSocket, at: Position): Position {
    const { epoch, seq } = this.dealtWith(at);
    return { epoch, seq: Math.max(seq, this.joiners.get(socket)?.after ?? 0) };
  }

  private dealtWith(at: Position): Position {
    const { firstSeq } = this.thinning ?? {};
    return firstSeq === undefined ? at : { epoch: at.epoch, seq: firstSeq - 1 };
  }

  private flushIn(waitMs: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      if (this.context.isPaused()) this.flushIn(retryMs);
      else this.flush();
    }, waitMs).unref();
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const readings = this.thinning?.take(performance.now()) ?? [];
    for (const reading of readings) {
      const frame = this.frames.frameOf(reading.body, reading.seq);
      this.publish(frame, reading);
      for (const joiner of [...this.joiners.values()]) if (reading.seq > joiner.after) joiner.send(frame, reading);
    }
    for (const [socket, joiner] of this.joiners) this.subscribe(socket, joiner);
    this.joiners.clear();
  }

  private subscribe(socket: ViewSocket, joiner: Joiner): void {
    socket.subscribe(this.topic);
    joiner.joined();
  }

  private publish(frame: Uint8Array, { epoch, seq, bytesBefore, bytesThrough }: ReadingPlace): void {
    this.metered?.stopShort(1, bytesThrough - bytesBefore, { epoch, seq: seq - 1 });
    this.metered?.add(epoch, seq, seq, bytesBefore, bytesThrough);
    this.context.publish(this.topic, frame);
  }
}
