import { setTimeout } from 'node:timers/promises';
import type { Logger } from '@motience/service-kit';
import { type LiveBatch, type LiveStreams, lastSeq } from '@motience/stream-log';
import type { LiveStream } from './live-stream.ts';
import type { PastReadings } from './past-readings.ts';
import { RecentBatches } from './recent-batches.ts';
import { eventsAfter, type StreamEvent } from './stream-events.ts';
import { placeBatch } from './stream-position.ts';

/** What is done for the sockets of a stream. */
export interface StreamListener {
  /** Readings, a gap or a new epoch, each of which follows what came before. */
  next(stream: LiveStream, event: StreamEvent): void;
  /** What is missing cannot be read: the sockets cannot go on, and none of them gets what comes next. */
  interrupted(stream: LiveStream): void;
}

/** Bytes of missing readings handed out at once, and the pause after: as fast as a consumer nearby can read. */
const fillBytes = 1024 * 1024;
const fillPauseMs = 10;

/** Bytes kept of what comes while missing readings are read; what is older is read with them. */
const maxMeanwhileBytes = 1024 * 1024;

/** Bytes kept of what was handed out last, for those about to join. */
const maxRecentBytes = 256 * 1024;

const retryMs = 500;

/**
 * The streams this gateway follows, each from when the first consumer wants it until the last one has left. Compares
 * the numbers of what arrives; what is missing is read from the past before anything later is handed out.
 */
export class StreamTable {
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
   * Follows a stream and resolves once it stands at its head, as far as is known. Every call is matched by one of
   * `release`, also when it rejects.
   */
  async hold(producerId: string): Promise<LiveStream> {
    const stream = this.streams.get(producerId) ?? this.open(producerId);
    stream.holders += 1;
    await stream.opened;
    // Whoever begins here now must not get what is older, such as from before it subscribed.
    while (this.paused || stream.filling) await (this.paused?.over ?? stream.filled);
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
      narrowed: new Map(),
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

  private receive(batch: LiveBatch): void {
    const stream = this.streams.get(batch.producerId);
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
        const part = await this.past.readAfter(stream.producerId, stream.position, fillBytes);
        if (this.paused) break;
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

  private isFollowed(stream: LiveStream): boolean {
    return this.streams.get(stream.producerId) === stream;
  }

  private async goToHead(stream: LiveStream): Promise<void> {
    while (this.isFollowed(stream)) {
      try {
        stream.position = await this.live.head(stream.producerId);
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
