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
      const due = this.streams.all().filter((stream) => !this.pending.has(stream));
      const byProducer = new Map(due.map((stream) => [stream.producerId, stream]));
      for (const { producerIds, heads } of this.live.heads(byProducer.keys())) {
        void this.checkSome(
          producerIds.flatMap((producerId) => byProducer.get(producerId) ?? []),
          heads,
        );
      }
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async checkSome(streams: readonly LiveStream[], asked: Promise<Position[]>): Promise<void> {
    const stood = streams.map(({ position }) => position);
    for (const stream of streams) this.pending.add(stream);
    try {
      const heads = await asked;
      for (const [at, stream] of streams.entries()) this.check(stream, stood[at], heads[at]);
    } catch (err) {
      this.logger.warn({ err, streams: streams.length }, 'the heads of streams could not be read');
    } finally {
      for (const stream of streams) this.pending.delete(stream);
    }
  }

  private check(stream: LiveStream, stood: Position | undefined, head: Position | undefined): void {
    if (!head || !stood || !stream.position || this.streams.isPaused) return;
    if (isLost(stream.position, stream.headSeen) || wentBack(stood, head)) this.streams.fill(stream);
    stream.headSeen = head;
    this.tellPosition(stream, stream.position, head);
  }

  /** A busy stream's readings tell the position to all but those who narrow it. */
  private tellPosition(stream: LiveStream, position: Position, head: Position): void {
    if (stream.isBusy) this.delivery.position(stream, position, 'narrowed');
    // Not while something may be missing.
    else if (head.epoch === position.epoch && head.seq === position.seq)
      this.delivery.position(stream, position, 'all');
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
