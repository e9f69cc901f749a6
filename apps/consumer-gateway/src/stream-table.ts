import { setTimeout } from 'node:timers/promises';
import { Refusal } from '@motience/protocol';
import type { Logger } from '@motience/service-kit';
import type { LiveBatch, LiveStreams } from '@motience/stream-log';
import type { LiveStream } from './live-stream.ts';
import { type Position, placeBatch } from './stream-position.ts';

/** Batches kept for a stream whose head is being read. */
const maxEarlyBatches = 1_000;

/** Bytes kept while rights have to be read again before anything may go out. */
const maxHeldBytes = 64 * 1024 * 1024;

/** Bytes handed out at once after that, and the pause between: as fast as a consumer nearby can read. */
const handOutBytes = 1024 * 1024;
const handOutPauseMs = 10;

/** What happens to the sockets of a stream. */
export interface StreamListener {
  /** Batches that follow one another without a hole. */
  deliver(stream: LiveStream, batch: LiveBatch): void;
  /** The stream begins anew, at 0 of this epoch. */
  beginEpoch(stream: LiveStream, epoch: string): void;
}

/**
 * The streams this gateway follows, each from when the first socket wants it until the last one has left. Compares
 * the numbers of what arrives; where a batch is missing, the sockets of that stream are closed and can come back.
 */
export class StreamTable {
  private readonly streams = new Map<string, LiveStream>();
  private paused = false;
  /** What arrived while delivery was paused and has not been handed out since; undefined when there is none. */
  private held: { batches: LiveBatch[]; bytes: number } | undefined;
  private handingOut = false;

  constructor(
    private readonly live: LiveStreams,
    private readonly listener: StreamListener,
    private readonly logger: Logger,
  ) {
    live.listen((batch) => this.receive(batch));
  }

  all(): LiveStream[] {
    return [...this.streams.values()];
  }

  get(producerId: string): LiveStream | undefined {
    return this.streams.get(producerId);
  }

  /**
   * Follows a stream and resolves once its position is known. Every call is matched by one of `release`, also when it
   * rejects.
   */
  async hold(producerId: string): Promise<LiveStream> {
    const stream = this.streams.get(producerId) ?? this.open(producerId);
    stream.holders += 1;
    await stream.opened;
    return stream;
  }

  /** Gives up one hold; with the last one the stream is no longer followed. */
  release(producerId: string): void {
    const stream = this.streams.get(producerId);
    if (!stream) return;
    stream.holders -= 1;
    if (stream.holders > 0) return;
    this.streams.delete(producerId);
    this.live.unfollow(producerId).catch((err: unknown) => this.logger.warn({ err, producerId }, 'unfollow failed'));
  }

  /** Whether deliveries are held back. */
  get isPaused(): boolean {
    return this.paused;
  }

  /** Holds deliveries back until `resume`. */
  pause(): void {
    this.paused = true;
    this.held ??= { batches: [], bytes: 0 };
  }

  /** Hands out what was held back, and, behind it, what arrives meanwhile. */
  resume(): void {
    this.paused = false;
    if (!this.handingOut) void this.handOut();
  }

  /** Closes the sockets of a stream that has a hole before `position`, where it goes on; each can reconnect. */
  breakStream(stream: LiveStream, why: string, position: Position): void {
    this.logger.warn({ producerId: stream.producerId, why }, 'stream interrupted');
    stream.position = position;
    const refusal = new Refusal('unavailable', `${why}: reconnect`, { retryAfterSeconds: 1 });
    for (const connection of [...stream.connections]) connection.refuse(refusal);
  }

  private open(producerId: string): LiveStream {
    const stream: LiveStream = {
      producerId,
      connections: new Set(),
      narrowed: new Map(),
      position: undefined,
      early: [],
      opened: Promise.resolve(),
      holders: 0,
      headSeen: undefined,
    };
    this.streams.set(producerId, stream);
    stream.opened = this.readHead(stream);
    // Whoever holds the stream is told; without a holder nobody has to be.
    stream.opened.catch(() => {});
    return stream;
  }

  /** Follows first and reads the head after, so that nothing published in between is missed. */
  private async readHead(stream: LiveStream): Promise<void> {
    await this.live.follow(stream.producerId);
    stream.position = await this.live.head(stream.producerId);
    const { early } = stream;
    stream.early = [];
    for (const batch of early) this.pass(stream, batch);
  }

  private receive(batch: LiveBatch): void {
    if (this.held) this.holdBack(batch, this.held);
    else this.take(batch);
  }

  private take(batch: LiveBatch): void {
    const stream = this.streams.get(batch.producerId);
    if (!stream) return;
    if (stream.position) this.pass(stream, batch);
    else if (stream.early.length < maxEarlyBatches) stream.early.push(batch);
    // Beyond that the next batch after the head shows the hole.
  }

  private pass(stream: LiveStream, batch: LiveBatch): void {
    if (!stream.position) return;
    const arrival = placeBatch(stream.position, batch);
    if (arrival === 'known') return;
    const { epoch, firstSeq, count } = batch;
    const position = { epoch, seq: firstSeq + count - 1 };
    if (arrival === 'hole') {
      this.breakStream(stream, `readings before ${firstSeq} are missing`, position);
      return;
    }
    if (arrival === 'new-epoch') this.listener.beginEpoch(stream, epoch);
    this.listener.deliver(stream, batch);
    stream.position = position;
  }

  /** A little at a time, so that sockets can be written to in between. */
  private async handOut(): Promise<void> {
    this.handingOut = true;
    while (!this.paused && this.held) {
      const { batches } = this.held;
      let [count, bytes] = [0, 0];
      for (; count < batches.length && bytes < handOutBytes; count += 1) bytes += batches[count]?.batch.length ?? 0;
      this.held.bytes -= bytes;
      for (const batch of batches.splice(0, count)) this.take(batch);
      if (batches.length === 0) this.held = undefined;
      else await setTimeout(handOutPauseMs);
    }
    this.handingOut = false;
  }

  private holdBack(batch: LiveBatch, held: { batches: LiveBatch[]; bytes: number }): void {
    // What is left out here shows as a hole once delivery resumes.
    if (held.bytes + batch.batch.length > maxHeldBytes) return;
    held.bytes += batch.batch.length;
    held.batches.push(batch);
  }
}
