import type { Logger } from '@motience/service-kit';
import type { StreamWriter, UnpersistedRange } from '@motience/stream-log';
import { insertReadings } from './services/insert-readings.ts';

type Sql = Parameters<typeof insertReadings>[0];

const idlePauseMs = 200;
const pauseAfterFailureMs = 1_000;
const streamsPerRound = 500;
const bytesPerRound = 2 * 1024 * 1024;

/**
 * Copies readings from the retained windows to PostgreSQL, in batches and off the live path. A range is inserted
 * first and noted after: a crash in between inserts it again, which the primary key makes harmless.
 */
export class Persister {
  private stopped = false;
  private wakeUp = () => {};
  private readonly loops: Promise<void>;

  constructor(
    private readonly writer: StreamWriter,
    private readonly sql: Sql,
    shards: number,
    private readonly onPersisted: (readings: number) => void,
    private readonly logger: Logger,
  ) {
    this.loops = this.run(Array.from({ length: shards }, (_, shard) => shard));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.wakeUp();
    await this.loops;
  }

  private async run(shards: readonly number[]): Promise<void> {
    while (!this.stopped) {
      try {
        const counts = await Promise.all(shards.map((shard) => this.persistShard(shard)));
        if (counts.every((count) => count === 0)) await this.pause(idlePauseMs);
      } catch (err) {
        this.logger.error({ err }, 'readings could not be persisted; they stay in Redis until they are');
        await this.pause(pauseAfterFailureMs);
      }
    }
  }

  private async persistShard(shard: number): Promise<number> {
    const ranges = await this.writer.unpersisted(shard, streamsPerRound, bytesPerRound);
    if (ranges.length === 0) return 0;
    await insertReadings(this.sql, ranges);
    await this.writer.notePersisted(shard, ranges);
    const count = ranges.reduce((sum, { from, to }: UnpersistedRange) => sum + to - from + 1, 0);
    this.onPersisted(count);
    return count;
  }

  private pause(milliseconds: number): Promise<void> {
    if (this.stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
