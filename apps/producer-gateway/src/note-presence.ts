import type { Logger } from '@motience/service-kit';
import { type Keys, notePresence, type RedisConnection } from '@motience/stream-log';

const intervalMs = 5_000;

/** Collects which devices sent readings and tells Redis every few seconds, so that streams can show who is online. */
export class PresenceNotes {
  private seen = new Map<string, Set<string>>();
  private readonly timer: NodeJS.Timeout;
  private noting = false;

  constructor(redis: RedisConnection, keys: Keys, shards: number, logger: Logger) {
    this.timer = setInterval(() => {
      const { seen } = this;
      // While Redis, or a master of a cluster, is away nothing is worth noting: it would say "now" of what was long ago.
      this.seen = new Map();
      if (seen.size === 0 || redis.status !== 'ready' || this.noting) return;
      this.noting = true;
      notePresence(redis, keys, shards, seen)
        .catch((err: unknown) => logger.warn({ err }, 'presence not noted'))
        .finally(() => {
          this.noting = false;
        });
    }, intervalMs);
  }

  add(producerId: string, deviceIds: Iterable<string>): void {
    const known = this.seen.get(producerId) ?? new Set();
    for (const deviceId of deviceIds) known.add(deviceId);
    this.seen.set(producerId, known);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
