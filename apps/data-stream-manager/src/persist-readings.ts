import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from '@motience/service-kit';
import type { StreamWriter, UnpersistedRange } from '@motience/stream-log';
import { SeenDevices } from './services/record-devices.ts';
import { storeReadings } from './services/store-readings.ts';
import type { ShardShare } from './share-shards.ts';

type Sql = Parameters<typeof storeReadings>[0];

const idlePauseMs = 200;
const pauseAfterFailureMs = 1_000;
const streamsPerRound = 500;
const bytesPerRound = 2 * 1024 * 1024;

/**
 * Copies readings of this manager's shards from the retained windows to PostgreSQL, in batches and off the live path. A
 * range is stored first and noted after: a crash in between has it stored again, which changes nothing; so does another
 * manager that has taken over the shard meanwhile.
 */
export class Persister {
  private readonly stopping = new AbortController();
  private readonly loops: Promise<unknown>;
  private readonly seen = new SeenDevices();

  constructor(
    private readonly writer: StreamWriter,
    private readonly sql: Sql,
    private readonly share: ShardShare,
    private readonly onPersisted: (readings: number) => void,
    private readonly logger: Logger,
  ) {
    setMaxListeners(share.shardCount, this.stopping.signal);
    this.loops = Promise.all(Array.from({ length: share.shardCount }, (_, shard) => this.run(shard)));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loops;
  }

  private async run(shard: number): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        if (!this.share.owns(shard) || (await this.persistShard(shard)) === 0) await this.pause(idlePauseMs);
      } catch (err) {
        this.logger.error({ err, shard }, 'readings could not be persisted; they stay in Redis until they are');
        await this.pause(pauseAfterFailureMs);
      }
    }
  }

  private async persistShard(shard: number): Promise<number> {
    const ranges = await this.writer.unpersisted(shard, streamsPerRound, bytesPerRound);
    if (ranges.length === 0) return 0;
    await storeReadings(this.sql, ranges, this.seen);
    await this.writer.notePersisted(shard, ranges);
    const count = ranges.reduce((sum, { from, to }: UnpersistedRange) => sum + to - from + 1, 0);
    this.onPersisted(count);
    return count;
  }

  private async pause(milliseconds: number): Promise<void> {
    // Aborted is as good as over.
    await setTimeout(milliseconds, undefined, this.stopping).catch(() => {});
  }
}
