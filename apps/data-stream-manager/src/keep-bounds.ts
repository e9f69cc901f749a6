import type { Database } from '@motience/database';
import type { Logger } from '@motience/service-kit';
import type { StreamWriter } from '@motience/stream-log';
import { deleteOldReadings } from './services/delete-old-readings.ts';

const trimEveryMs = 60_000;
const deleteEveryMs = 600_000;

/** Forgets what grew too old: in the retained windows of quiet streams, and in PostgreSQL. */
export class Bounds {
  private stopped = false;
  private readonly timers: NodeJS.Timeout[];
  private running: Promise<void> = Promise.resolve();

  constructor(writer: StreamWriter, shards: number, sql: Database['sql'], historyAgeMs: number, logger: Logger) {
    const queue = (what: string, work: () => Promise<unknown>) => {
      this.running = this.running.then(work).then(
        () => {},
        (err: unknown) => logger.warn({ err }, `${what} failed; it is tried again`),
      );
    };
    const trim = async () => {
      for (let shard = 0; shard < shards && !this.stopped; shard += 1) await writer.trim(shard);
    };
    const deleteOld = () => deleteOldReadings(sql, historyAgeMs, () => this.stopped);
    this.timers = [
      setInterval(() => queue('trimming the retained windows', trim), trimEveryMs),
      setInterval(() => queue('deleting old readings', deleteOld), deleteEveryMs),
    ];
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearInterval(timer);
    await this.running;
  }
}
