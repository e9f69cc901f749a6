import { setTimeout } from 'node:timers/promises';
import type { Logger } from '@motience/service-kit';
import type { StreamWriter, UnpersistedRange } from '@motience/stream-log';
import { pauseAfterRounds } from './round-pause.ts';
import { SeenDevices } from './services/record-devices.ts';
import { storeReadings } from './services/store-readings.ts';
import type { ShardShare } from './share-shards.ts';

type Sql = Parameters<typeof storeReadings>[0];

/** Before looking again whether a shard is this manager's. */
const pauseWithoutShardMs = 200;
const pauseAfterFailureMs = 1_000;
const streamsPerRound = 500;
const bytesPerRound = 2 * 1024 * 1024;
/** So much of a shard does not wait for the end of a pause, lest it grows to the bound at which nothing is taken any more. */
const mostWaitingBytes = 2 * bytesPerRound;

/**
 * Copies readings of this manager's shards from the retained windows to PostgreSQL, in batches and off the live path. A
 * range is stored first and noted after: a crash in between has it stored again, which changes nothing; so does another
 * manager that has taken over the shard meanwhile.
 */
export class Persister {
  private isStopping = false;
  /** Those under way, with the shard of each that follows a round. */
  private readonly pauses = new Map<AbortController, number | undefined>();
  private readonly loops: Promise<unknown>;
  private readonly seen = new SeenDevices();

  constructor(
    private readonly writer: StreamWriter,
    private readonly sql: Sql,
    private readonly share: ShardShare,
    private readonly onPersisted: (readings: number) => void,
    private readonly logger: Logger,
  ) {
    this.loops = Promise.all(Array.from({ length: share.shardCount }, (_, shard) => this.run(shard)));
  }

  /** So many bytes of a shard wait: if that is much, its next round comes at once. */
  hurry(shard: number, waitingBytes: number): void {
    if (waitingBytes <= mostWaitingBytes) return;
    for (const [pause, of] of this.pauses) if (of === shard) pause.abort();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    for (const pause of this.pauses.keys()) pause.abort();
    await this.loops;
  }

  private async run(shard: number): Promise<void> {
    while (!this.isStopping) {
      try {
        const pauseMs = this.share.owns(shard) ? await this.persistShard(shard) : pauseWithoutShardMs;
        await this.pause(pauseMs, shard);
      } catch (err) {
        this.logger.error({ err, shard }, 'readings could not be persisted; they stay in Redis until they are');
        await this.pause(pauseAfterFailureMs);
      }
    }
  }

  /** Persists about all that a shard has, some at a time; returns after how many ms to look again. */
  private async persistShard(shard: number): Promise<number> {
    let readings = 0;
    let streams = 0;
    let mayBeMore = true;
    while (mayBeMore && !this.isStopping && this.share.owns(shard)) {
      const ranges = await this.writer.unpersisted(shard, streamsPerRound, bytesPerRound);
      const size = sizeOf(ranges);
      if (ranges.length > 0) {
        await storeReadings(this.sql, ranges, this.seen);
        await this.writer.notePersisted(shard, ranges);
        this.onPersisted(size.readings);
      }
      readings += size.readings;
      const streamsInRound = new Set(ranges.map(({ producerId }) => producerId)).size;
      streams += streamsInRound;
      mayBeMore = size.bytes >= bytesPerRound || streamsInRound === streamsPerRound;
    }
    return pauseAfterRounds(readings, streams);
  }

  private async pause(milliseconds: number, afterRoundOf?: number): Promise<void> {
    if (this.isStopping) return;
    const pause = new AbortController();
    this.pauses.set(pause, afterRoundOf);
    // Aborted is as good as over.
    await setTimeout(milliseconds, undefined, pause).catch(() => {});
    this.pauses.delete(pause);
  }
}

function sizeOf(ranges: readonly UnpersistedRange[]): { readings: number; bytes: number } {
  let readings = 0;
  let bytes = 0;
  for (const { batches } of ranges) {
    for (const { count, batch } of batches) {
      readings += count;
      bytes += batch.length;
    }
  }
  return { readings, bytes };
}
