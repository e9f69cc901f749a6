import type { Database } from '@motience/database';
import type { Logger } from '@motience/service-kit';
import type { StreamWriter } from '@motience/stream-log';
import type { Config } from './config.ts';
import { deleteOld } from './services/delete-old.ts';
import type { ShardShare } from './share-shards.ts';

const trimEveryMs = 60_000;
const deleteEveryMs = 600_000;

/**
 * Forgets what grew too old: in the retained windows of quiet streams of this manager's shards, and, where it has the
 * first shard, in PostgreSQL.
 */
export class Bounds {
  private stopped = false;
  private readonly timers: NodeJS.Timeout[];
  private readonly running = new Map<string, Promise<void>>();

  constructor(
    writer: StreamWriter,
    share: ShardShare,
    sql: Database['sql'],
    ages: Pick<Config, 'historyAgeMs' | 'streamRecordAgeMs'>,
    logger: Logger,
  ) {
    const begin = (what: string, work: () => Promise<unknown>) => {
      // One that still waits, for a shard whose Redis is away, is not followed by another.
      if (this.running.has(what)) return;
      const run = work()
        .catch((err: unknown) => logger.warn({ err }, `${what} failed; it is tried again`))
        .then(() => void this.running.delete(what));
      this.running.set(what, run);
    };
    const trim = async () => {
      for (const shard of share.shards) if (!this.stopped) await writer.trim(shard);
    };
    const deleteAllOld = async () => {
      if (!share.owns(0)) return;
      await deleteOld(sql, 'readings', ages.historyAgeMs, () => this.stopped);
      await deleteOld(sql, 'stream_minutes', ages.streamRecordAgeMs, () => this.stopped);
      await deleteOld(sql, 'stream_devices', ages.streamRecordAgeMs, () => this.stopped);
      await deleteOld(sql, 'platform_downtimes', ages.streamRecordAgeMs, () => this.stopped);
    };
    this.timers = [
      setInterval(() => begin('trimming the retained windows', trim), trimEveryMs),
      setInterval(() => begin('deleting what is too old', deleteAllOld), deleteEveryMs),
    ];
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearInterval(timer);
    await Promise.all(this.running.values());
  }
}
