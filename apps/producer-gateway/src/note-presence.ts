import type { Logger } from '@motience/service-kit';
import { type Keys, notePresence, type RedisConnection } from '@motience/stream-log';

/** How often each shard's devices are noted. */
const intervalMs = 5_000;

/**
 * Collects which devices sent readings and tells Redis every few seconds, so that streams can show who is online: one
 * shard after another, lest all of them keep Redis and this process busy at once.
 */
export class PresenceNotes {
  private readonly seen: Map<string, Set<string>>[];
  private readonly noting = new Set<number>();
  private readonly timer: NodeJS.Timeout;
  private next = 0;
  /** Said once, and again when it has worked in between. */
  private isFailing = false;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    shards: number,
    private readonly logger: Logger,
  ) {
    this.seen = Array.from({ length: shards }, () => new Map());
    this.timer = setInterval(() => {
      this.note(this.next);
      this.next = (this.next + 1) % shards;
    }, intervalMs / shards);
  }

  add(shard: number, producerId: string, deviceIds: Iterable<string>): void {
    const known = this.seen[shard]?.get(producerId) ?? new Set();
    for (const deviceId of deviceIds) known.add(deviceId);
    this.seen[shard]?.set(producerId, known);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private note(shard: number): void {
    const { redis, keys, logger, noting } = this;
    const seen = this.seen[shard];
    // While Redis, or a master of a cluster, is away nothing is worth noting: it would say "now" of what was long ago.
    this.seen[shard] = new Map();
    if (!seen?.size || redis.status !== 'ready' || noting.has(shard)) return;
    noting.add(shard);
    notePresence(redis, keys, shard, seen)
      .then(
        () => {
          this.isFailing = false;
        },
        (err: unknown) => {
          if (!this.isFailing) logger.warn({ err }, 'presence not noted');
          this.isFailing = true;
        },
      )
      .finally(() => noting.delete(shard));
  }
}
