import { setTimeout } from 'node:timers/promises';
import type { Logger } from '@motience/service-kit';
import type { Applied, StreamWriter } from '@motience/stream-log';
import { Pace } from './pace.ts';
import type { ShardShare } from './share-shards.ts';

/** Bounds one call beside its bytes, so that Redis is not kept busy for long. */
const batchesPerCall = 256;

/** What a manager publishes at most while it catches up: so no gateway falls so far behind that Redis cuts its connection. */
const catchUpBytesPerMs = 80_000;

/** How often this manager's shards are looked at though nothing woke it, because a wake-up can get lost. */
const lookAnywayMs = 500;

const pauseAfterFailureMs = 500;

/**
 * Applies what gateways stored in the shards of this manager: numbers, retains and publishes it, shard by shard. A
 * shard's calls follow one another; all the work is in the Redis function, so a crash at any line leaves nothing half
 * done, and a call on a shard that another manager has taken over meanwhile harms nothing (see share-shards.ts).
 */
export class Applier {
  /** Shards being applied, and whether something came meanwhile. */
  private readonly busy = new Map<number, { again: boolean }>();
  private readonly timer: NodeJS.Timeout;
  private readonly running = new Set<Promise<void>>();
  private readonly catchUp = new Pace(catchUpBytesPerMs);
  private stopped = false;

  constructor(
    private readonly writer: StreamWriter,
    private readonly share: ShardShare,
    /** Told of each call on a shard, at least as often as it is looked at. */
    private readonly onApplied: (shard: number, applied: Applied) => void,
    private readonly logger: Logger,
  ) {
    this.timer = setInterval(() => {
      for (const shard of share.shards) this.wake(shard);
    }, lookAnywayMs);
    share.listen((shard) => this.wake(shard));
  }

  /** Has a shard applied, if it is this manager's; while it is, has it looked at once more. */
  wake(shard: number): void {
    if (this.stopped || !this.share.owns(shard)) return;
    const busy = this.busy.get(shard);
    if (busy) {
      busy.again = true;
      return;
    }
    const run = this.run(shard).finally(() => this.running.delete(run));
    this.running.add(run);
  }

  /** Begins nothing more and waits for what is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await Promise.all(this.running);
  }

  private async run(shard: number): Promise<void> {
    const state = { again: true };
    this.busy.set(shard, state);
    try {
      while (state.again && !this.stopped && this.share.owns(shard)) {
        state.again = false;
        const applied = await this.writer.apply(shard, batchesPerCall);
        this.onApplied(shard, applied);
        if (!applied.endedEarly) continue;
        state.again = true;
        const pauseMs = this.catchUp.spend(applied.bytes, performance.now());
        if (pauseMs > 0) await setTimeout(pauseMs);
      }
    } catch (err) {
      this.logger.error({ err, shard }, 'readings could not be applied');
      await setTimeout(pauseAfterFailureMs);
    } finally {
      this.busy.delete(shard);
    }
  }
}
