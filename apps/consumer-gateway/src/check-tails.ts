import type { Logger } from '@motience/service-kit';
import type { LiveStreams } from '@motience/stream-log';
import type { LiveStream } from './live-stream.ts';
import type { Position } from './stream-position.ts';
import type { StreamTable } from './stream-table.ts';

const intervalMs = 4_000;
const streamsAtOnce = 200;

/**
 * Looks every few seconds whether a stream's head lies elsewhere than where the stream stands here. What was published
 * a moment ago may still be on its way; what is missing at the second look is lost, and the sockets are told: within
 * 10 seconds, also when nothing further comes. So they are when the head lies before it.
 */
export class TailCheck {
  private readonly timer: NodeJS.Timeout;
  private running = false;

  constructor(
    private readonly live: LiveStreams,
    private readonly streams: StreamTable,
    private readonly logger: Logger,
  ) {
    this.timer = setInterval(() => {
      if (this.running) return;
      this.running = true;
      this.checkAll()
        .catch((err: unknown) => this.logger.warn({ err }, 'heads could not be read'))
        .finally(() => {
          this.running = false;
        });
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async checkAll(): Promise<void> {
    const streams = this.streams.all().filter(({ position }) => position !== undefined);
    for (let at = 0; at < streams.length; at += streamsAtOnce) {
      await Promise.all(streams.slice(at, at + streamsAtOnce).map((stream) => this.check(stream)));
    }
  }

  private async check(stream: LiveStream): Promise<void> {
    const stood = stream.position;
    const head = await this.live.head(stream.producerId);
    const lost = stream.position && isLost(stream.position, stream.headSeen);
    stream.headSeen = head;
    if (lost) this.streams.breakStream(stream, 'readings are missing', head);
    else if (stood && wentBack(stood, head)) this.streams.breakStream(stream, 'the numbering went back', head);
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
