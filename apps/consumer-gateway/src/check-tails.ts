import type { Logger } from '@motience/service-kit';
import type { LiveStreams, Position } from '@motience/stream-log';
import type { Delivery } from './deliver-readings.ts';
import type { LiveStream } from './live-stream.ts';
import type { StreamTable } from './stream-table.ts';

const intervalMs = 4_000;

/**
 * Looks every few seconds where the heads of the streams lie. What was published a moment ago may still be on its way;
 * what is missing at the second look is lost, and read from the past: within 10 seconds, also when nothing further comes.
 * Sockets that were sent nothing meanwhile are told the position.
 */
export class TailCheck {
  private readonly timer: NodeJS.Timeout;
  /** Streams whose head is being read: one master of a cluster may be away. */
  private readonly pending = new Set<LiveStream>();

  constructor(
    private readonly live: LiveStreams,
    private readonly streams: StreamTable,
    private readonly delivery: Delivery,
    private readonly logger: Logger,
  ) {
    this.timer = setInterval(() => {
      for (const stream of this.streams.all()) if (!this.pending.has(stream)) void this.checkOnce(stream);
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async checkOnce(stream: LiveStream): Promise<void> {
    this.pending.add(stream);
    try {
      await this.check(stream);
    } catch (err) {
      this.logger.warn({ err, producerId: stream.producerId }, 'the head of a stream could not be read');
    } finally {
      this.pending.delete(stream);
    }
  }

  private async check(stream: LiveStream): Promise<void> {
    const stood = stream.position;
    const head = await this.live.head(stream.producerId);
    if (!stood || !stream.position || this.streams.isPaused) return;
    if (isLost(stream.position, stream.headSeen) || wentBack(stood, head)) this.streams.fill(stream);
    stream.headSeen = head;
    this.tellPosition(stream, stream.position, head);
  }

  /** A busy stream's readings tell the position to all but those who receive one device only. */
  private tellPosition(stream: LiveStream, position: Position, head: Position): void {
    const frame = { type: 'position', producer_id: stream.producerId, ...position } as const;
    if (stream.isBusy) this.delivery.control(stream, frame, 'narrowed');
    // Not while something may be missing.
    else if (head.epoch === position.epoch && head.seq === position.seq) this.delivery.control(stream, frame);
    stream.isBusy = false;
  }
}

/** Whether a head that was seen some seconds ago has not been reached since. */
export function isLost(position: Position, headSeen: Position | undefined): boolean {
  if (!headSeen) return false;
  return headSeen.epoch !== position.epoch || headSeen.seq > position.seq;
}

/** Whether a head lies before where the stream stood when it was asked for: Redis has lost what was delivered. */
export function wentBack(stood: Position, head: Position): boolean {
  return head.epoch === stood.epoch && head.seq < stood.seq;
}
