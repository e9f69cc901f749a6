import type { Position } from '@motience/stream-log';
import { FrameWriter } from './frame-writer.ts';
import { type FieldFilter, fieldFilter, type Narrowing, topicOf } from './narrowing.ts';
import { type HeldBytes, Thinning } from './thinning.ts';

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
  /** Those who had everything up to a seq when they joined; they are not subscribed before the next flush. */
  private readonly joiners = new Map<ViewSocket, number>();
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

  /** A socket that had everything up to `seq` gets what comes next. */
  join(socket: ViewSocket, seq: number): void {
    this.sockets.add(socket);
    if (this.thinning?.firstSeq === undefined) socket.subscribe(this.topic);
    else this.joiners.set(socket, seq);
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
  reading(deviceId: string, seq: number, body: Buffer): void {
    const kept = this.filter ? this.filter(body) : body;
    if (!kept) return;
    if (this.thinning) this.thinning.hold(deviceId, seq, kept);
    else this.context.publish(this.topic, this.frames.frameOf(kept, seq));
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
    return { epoch, seq: Math.max(seq, this.joiners.get(socket) ?? 0) };
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
    for (const { seq, body } of readings) {
      const frame = this.frames.frameOf(body, seq);
      this.context.publish(this.topic, frame);
      for (const [socket, after] of this.joiners) if (seq > after) socket.sendBytes(frame);
    }
    for (const socket of this.joiners.keys()) socket.subscribe(this.topic);
    this.joiners.clear();
  }
}
