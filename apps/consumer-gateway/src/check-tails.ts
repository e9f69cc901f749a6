import type { Logger } from '@motience/service-kit';
import type { LiveStreams, Position } from '@motience/stream-log';
import type { Delivery } from './deliver-readings.ts';
import type { LiveStream } from './live-stream.ts';
import type { StreamTable } from './stream-table.ts';

/** What is missing is found at the third look at the latest, where the first one found the stream busy: after 7.5 s. */
const intervalMs = 2_500;

/**
 * Looks every few seconds where the heads of those streams lie of which nothing has come since the look before. What was
 * published a moment ago may still be on its way; what is missing at the second look is lost, and read from the past:
 * within 10 seconds, also when nothing further comes.
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
      const quiet = new Map<string, LiveStream>();
      for (const stream of this.streams.all()) {
        if (stream.isBusy) this.passBusy(stream);
        else if (!this.pending.has(stream)) quiet.set(stream.producerId, stream);
      }
      for (const { producerIds, heads } of this.live.heads(quiet.keys())) {
        void this.checkSome(
          producerIds.flatMap((producerId) => quiet.get(producerId) ?? []),
          heads,
        );
      }
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** What comes next will show if anything is missing, and readings tell the position to all but those who narrow them. */
  private passBusy(stream: LiveStream): void {
    stream.isBusy = false;
    stream.headSeen = undefined;
    if (stream.position && !this.streams.isPaused) this.delivery.position(stream, stream.position, 'narrowed');
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
    const { position } = stream;
    if (!head || !stood || !position || this.streams.isPaused) return;
    if (isLost(position, stream.headSeen) || wentBack(stood, head)) this.streams.fill(stream);
    stream.headSeen = head;
    // Not while something may be missing.
    if (head.epoch === position.epoch && head.seq === position.seq) this.delivery.position(stream, position, 'all');
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
