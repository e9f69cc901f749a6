import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Logger } from '@motience/service-kit';
import { type LiveBatch, type LiveStreams, lastSeq, type Position } from '@motience/stream-log';
import { hasAdvanced, type LiveStream } from './live-stream.ts';
import type { NarrowedView } from './narrowed-view.ts';
import type { Narrowing } from './narrowing.ts';
import type { PastPart, PastReadings } from './past-readings.ts';
import { RecentBatches } from './recent-batches.ts';
import { eventsAfter, type StreamEvent } from './stream-events.ts';
import { placeBatch } from './stream-position.ts';
import { StreamViews } from './stream-views.ts';
import type { HeldBytes } from './thinning.ts';

/** What is done for the sockets of a stream. */
export interface StreamListener {
  /** Called before anything is handed out; may pause. */
  beforeNext(): void;
  /** Readings, a gap or a new epoch, each of which follows what came before. */
  next(stream: LiveStream, event: StreamEvent): void;
  /** What is missing cannot be read: the sockets cannot go on, and none of them gets what comes next. */
  interrupted(stream: LiveStream): void;
  /** Those who narrow the stream in a way that nobody did before. */
  createView(producerId: string, narrowing: Narrowing): NarrowedView;
}

/** Bytes of missing readings handed out at once, and the pause after: as fast as a consumer nearby can read. */
const fillBytes = 1024 * 1024;
const fillPauseMs = 10;

/** Bytes kept of what comes while missing readings are read; what is older is read with them. */
const maxMeanwhileBytes = 1024 * 1024;

/** Bytes kept of what was handed out last, for those about to join. */
const maxRecentBytes = 256 * 1024;

const retryMs = 500;

/** For how long reading what is missing may fail before it is given up, in ms. */
const fillPatienceMs = 10_000;

/** How long something published may be on its way, in ms. */
const onItsWayMs = 1_000;

/**
 * The streams this gateway follows, each from when the first consumer wants it until the last one has left. Compares
 * the numbers of what arrives; what is missing is read from the past before anything later is handed out.
 */
export class StreamTable {
  /** Held by all who thin streams for the sake of `max_rate`. */
  readonly heldBytes: HeldBytes = { total: 0 };
  private readonly streams = new Map<string, LiveStream>();
  /** While rights may be out of date nothing is handed out; resolves once they are not. */
  private pauses = 0;
  private paused: { over: Promise<void>; end(): void } | undefined;

  constructor(
    private readonly live: LiveStreams,
    private readonly past: PastReadings,
    private readonly listener: StreamListener,
    private readonly logger: Logger,
  ) {
    live.listen(
      (batch) => this.receive(batch),
      (producerId) => {
        const stream = this.streams.get(producerId);
        if (stream) this.fill(stream);
      },
    );
  }

  all(): LiveStream[] {
    return [...this.streams.values()];
  }

  /**
   * Follows a stream and resolves once it stands where its head was when this was called, or later: whoever begins there
   * must not get what is older, such as from before it subscribed. Every call is matched by one of `release`, also when
   * it rejects; it may resolve anywhere once that was called.
   */
  async hold(producerId: string): Promise<LiveStream> {
    const followed = this.streams.get(producerId);
    const stream = followed ?? this.open(producerId);
    stream.holders += 1;
    await stream.opened;
    await this.untilWhole(stream);
    if (!followed) return stream;
    const head = await this.askHead(stream);
    while (this.isFollowed(stream) && !hasReached(stream, head)) {
      if (!(await hasAdvanced(stream, onItsWayMs))) this.fill(stream);
      await this.untilWhole(stream);
    }
    return stream;
  }

  /** Gives up one hold; with the last one the stream is no longer followed. */
  release(producerId: string): void {
    const stream = this.streams.get(producerId);
    if (!stream) return;
    stream.holders -= 1;
    if (stream.holders > 0) return;
    this.streams.delete(producerId);
    this.live.unfollow(producerId);
  }

  get isPaused(): boolean {
    this.listener.beforeNext();
    return this.paused !== undefined;
  }

  /** Hands out nothing until `resume`. */
  pause(): void {
    this.pauses += 1;
    if (this.paused) return;
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.paused = { over, end };
  }

  /** Hands out what came meanwhile, and goes on. */
  resume(): void {
    this.paused?.end();
    this.paused = undefined;
    for (const stream of this.streams.values()) this.fill(stream);
  }

  /** Resolves at once, or when `resume` is called. */
  async whenResumed(): Promise<void> {
    while (this.paused) await this.paused.over;
  }

  /** Has the stream remember what was handed out last; matched by one call of `endJoining`. */
  beginJoining(stream: LiveStream): void {
    stream.joining += 1;
    stream.recent ??= new RecentBatches(maxRecentBytes);
  }

  endJoining(stream: LiveStream): void {
    stream.joining -= 1;
    if (stream.joining === 0) stream.recent = undefined;
  }

  /** Reads and hands out whatever lies between where a stream stands and its head. */
  fill(stream: LiveStream): void {
    if (stream.filling || !stream.position) return;
    stream.filling = new RecentBatches(maxMeanwhileBytes);
    stream.filled = this.fillUntilJoined(stream);
    // Whoever waits for it is told; without one nobody has to be.
    stream.filled.catch(() => {});
  }

  private open(producerId: string): LiveStream {
    const stream: LiveStream = {
      producerId,
      connections: new Set(),
      packed: 0,
      metered: undefined,
      views: new StreamViews(producerId, (narrowing) => this.listener.createView(producerId, narrowing)),
      position: undefined,
      filling: new RecentBatches(maxMeanwhileBytes),
      filled: Promise.resolve(),
      recent: undefined,
      joining: 0,
      waiting: new Set(),
      opened: Promise.resolve(),
      holders: 0,
      headSeen: undefined,
      isBusy: false,
      headAsked: undefined,
    };
    this.streams.set(producerId, stream);
    stream.opened = this.readHead(stream);
    // Whoever holds the stream is told; without a holder nobody has to be.
    stream.opened.catch(() => {});
    return stream;
  }

  /** Follows first and reads the head after; what is published in between shows as a hole. */
  private async readHead(stream: LiveStream): Promise<void> {
    await this.live.follow(stream.producerId);
    stream.position = await this.live.head(stream.producerId);
    if (!this.takeMeanwhile(stream)) {
      stream.filling = undefined;
      this.fill(stream);
    }
  }

  private async untilWhole(stream: LiveStream): Promise<void> {
    while (this.paused || stream.filling) await (this.paused?.over ?? stream.filled);
  }

  /** Asks once for all who ask in the same turn of the loop. */
  private askHead(stream: LiveStream): Promise<Position> {
    stream.headAsked ??= setImmediate().then(() => {
      stream.headAsked = undefined;
      return this.live.head(stream.producerId);
    });
    return stream.headAsked;
  }

  private receive(batch: LiveBatch): void {
    const stream = this.streams.get(batch.producerId);
    this.listener.beforeNext();
    if (!stream || this.paused) return;
    if (stream.filling) stream.filling.add(batch);
    else if (!this.take(stream, batch)) {
      this.logger.info({ producerId: batch.producerId, seq: batch.firstSeq }, 'readings before this are missing');
      this.fill(stream);
    }
  }

  /** Hands a batch out if it is the next; false if something before it is missing. */
  private take(stream: LiveStream, batch: LiveBatch): boolean {
    if (!stream.position) return false;
    const { epoch, seq: after } = stream.position;
    const arrival = placeBatch(stream.position, batch);
    if (arrival === 'next') this.next(stream, { type: 'batch', batch, after, at: { epoch, seq: lastSeq(batch) } });
    return arrival !== 'hole';
  }

  private next(stream: LiveStream, event: StreamEvent): void {
    // Since all have left it, others may have begun to follow it anew: they are not given this.
    if (!this.isFollowed(stream)) return;
    stream.position = event.at;
    if (event.type === 'batch') {
      stream.isBusy = true;
      stream.recent?.add(event.batch);
    } else {
      // Who joins over these must be told of what lies between them.
      stream.recent?.take();
    }
    this.listener.next(stream, event);
    for (const advanced of stream.waiting) advanced();
    stream.waiting.clear();
  }

  /** Rejects if what is missing cannot be read; the stream stands at its head then, and nobody receives it. */
  private async fillUntilJoined(stream: LiveStream): Promise<void> {
    try {
      while (this.isFollowed(stream) && stream.position && !this.paused) {
        const { pauses } = this;
        const part = await this.readMissing(stream, stream.position);
        if (this.isPaused) break;
        // What came while deliveries were paused was not kept, and may not be in what was read before.
        if (pauses !== this.pauses) continue;
        for (const event of eventsAfter(stream.position, part)) this.next(stream, event);
        if (part.reachesHead && this.takeMeanwhile(stream)) return;
        if (!part.reachesHead) await setTimeout(fillPauseMs);
      }
      // While deliveries are paused nothing is kept: `resume` reads it.
      stream.filling = undefined;
    } catch (error) {
      this.logger.warn({ err: error, producerId: stream.producerId }, 'missing readings cannot be read');
      this.listener.interrupted(stream);
      await this.goToHead(stream);
      throw error;
    }
  }

  /** Reads what follows; what fails is tried again for a while. */
  private async readMissing(stream: LiveStream, position: Position): Promise<PastPart> {
    for (const startedAt = performance.now(); ; await setTimeout(retryMs)) {
      try {
        return await this.past.readAfter(stream.producerId, position, fillBytes);
      } catch (err) {
        if (performance.now() - startedAt > fillPatienceMs || !this.isFollowed(stream)) throw err;
        this.logger.warn({ err, producerId: stream.producerId }, 'missing readings cannot be read yet');
      }
    }
  }

  private isFollowed(stream: LiveStream): boolean {
    return this.streams.get(stream.producerId) === stream;
  }

  private async goToHead(stream: LiveStream): Promise<void> {
    while (this.isFollowed(stream)) {
      try {
        const head = await this.live.head(stream.producerId);
        // Whoever has come to it meanwhile would not be told of what is left out.
        this.listener.interrupted(stream);
        stream.recent?.take();
        stream.position = head;
        if (this.paused || this.takeMeanwhile(stream)) break;
      } catch (err) {
        this.logger.warn({ err, producerId: stream.producerId }, 'the head of a stream cannot be read');
        await setTimeout(retryMs);
      }
    }
    stream.filling = undefined;
  }

  /** Hands out what came while something was read; false if more is missing. */
  private takeMeanwhile(stream: LiveStream): boolean {
    for (const batch of stream.filling?.take() ?? []) if (!this.take(stream, batch)) return false;
    stream.filling = undefined;
    return true;
  }
}

/** Whether a stream stands at a head that was read before, or further. A later epoch is further. */
function hasReached({ position }: LiveStream, head: Position): boolean {
  if (!position) return false;
  return position.epoch === head.epoch ? position.seq >= head.seq : position.epoch > head.epoch;
}
