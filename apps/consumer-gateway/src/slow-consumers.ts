import { Refusal } from '@motience/protocol';
import type { Logger } from '@motience/service-kit';
import { maxFlushBytes } from '@motience/stream-log';
import type { ConsumerConnection } from './consumer-connection.ts';

export interface QueueBounds {
  /** Bytes that may wait for one socket. */
  maxQueuedBytes: number;
  /** Bytes that may wait for all sockets together. */
  maxTotalQueuedBytes: number;
}

const lookMs = 1_000;

/** Bytes published after which each socket is looked at, in a later turn of the loop. */
const bytesBetweenLooks = maxFlushBytes;

/** Bytes published after which each is looked at at once, should that turn not have come. */
const maxBytesWithoutLook = 8 * maxFlushBytes;

/** The largest reading that a producer gateway can be configured to take. */
const maxReadingBytes = 1024 * 1024;

/** Frames that uWebSockets.js keeps beside what it counts. */
const uncountedFrames = 32;

/**
 * How much more than our own bound uWebSockets.js may buffer for a socket, so that ours is always noticed first: it
 * does not tell of everything it drops when it publishes. Twice what goes out without a look, because frames have
 * headers, and the uncounted frames.
 */
export const backpressureHeadroomBytes = 2 * maxBytesWithoutLook + uncountedFrames * maxReadingBytes;

/**
 * Ends the sockets that do not read: each for which more than its bound waits, and, while more than the total waits for
 * all, the fullest.
 */
export class SlowConsumers {
  private readonly timer: NodeJS.Timeout;
  private lookIsDue = false;
  private bytesSinceLook = 0;
  /** The same for all sockets together: as much more as may wait. */
  private totalSinceLook = 0;

  constructor(
    private readonly connections: () => Iterable<ConsumerConnection>,
    private readonly bounds: QueueBounds,
    private readonly logger: Logger,
  ) {
    // Answers to control frames wait as well, also when nothing is published.
    this.timer = setInterval(() => this.look(), lookMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** To be called with each frame that was published to so many sockets. */
  published(bytes: number, sockets: number): void {
    this.bytesSinceLook += bytes;
    this.totalSinceLook += bytes * sockets;
    if (this.totalSinceLook >= this.bounds.maxTotalQueuedBytes / 4) this.boundTotal();
    if (this.bytesSinceLook >= maxBytesWithoutLook) this.look();
    else if (this.bytesSinceLook >= bytesBetweenLooks) this.lookSoon();
  }

  private look(): void {
    this.bytesSinceLook = 0;
    const { maxQueuedBytes } = this.bounds;
    for (const connection of this.connections()) {
      if (connection.socket.bufferedBytes() > maxQueuedBytes) {
        const limit = `more than ${maxQueuedBytes} bytes waited to be read`;
        connection.refuse(new Refusal('slow-consumer', `${limit}: reconnect`));
      }
    }
    this.boundTotal();
  }

  /** What was published in this turn of the loop waits for everybody until sockets could be written to, in the next. */
  private lookSoon(): void {
    if (this.lookIsDue) return;
    this.lookIsDue = true;
    setImmediate(() =>
      setImmediate(() => {
        this.lookIsDue = false;
        this.look();
      }),
    );
  }

  private boundTotal(): void {
    this.totalSinceLook = 0;
    const waiting = [...this.connections()].map(({ socket }) => ({ socket, bytes: socket.bufferedBytes() }));
    let total = waiting.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total <= this.bounds.maxTotalQueuedBytes) return;
    this.logger.warn({ waiting: total }, 'too many bytes wait for all sockets together: the fullest are cut');
    waiting.sort((one, other) => other.bytes - one.bytes);
    for (const { socket, bytes } of waiting) {
      if (total <= this.bounds.maxTotalQueuedBytes) return;
      // No goodbye: it would wait behind all the rest, which has to go at once.
      socket.cut();
      total -= bytes;
    }
  }
}
