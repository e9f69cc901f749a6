import type { RedisConnection } from './connection.ts';
import type { Keys } from './keys.ts';
import { onlineMs } from './presence.ts';
import { shardOf } from './shards.ts';

/** Length of the windows that `apply` counts readings in, in ms; the function has the same constant. */
const rateWindowMs = 10_000;

/** What Redis knows of a stream. */
export interface StreamState {
  producerId: string;
  epoch: string;
  head: number;
  persisted: number;
  /** Readings per second. */
  rate: number;
  devicesOnline: number;
  retained: { from: number; to: number } | null;
}

/** Streams as the data stream manager's API shows them. */
export class StreamReader {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly shardCount: number,
  ) {}

  /** States of these producers' streams; those without a stream are left out. */
  async read(producerIds: readonly string[]): Promise<StreamState[]> {
    const states = await Promise.all(producerIds.map((producerId) => this.readOne(producerId)));
    return states.filter((state) => state !== undefined);
  }

  /** Those of the producers whose streams have readings that are not in PostgreSQL yet. */
  async unpersisted(producerIds: readonly string[]): Promise<Set<string>> {
    const waits = await Promise.all(
      producerIds.map((producerId) =>
        this.redis.sismember(this.keys.unpersisted(shardOf(producerId, this.shardCount)), producerId),
      ),
    );
    return new Set(producerIds.filter((_, at) => waits[at] === 1));
  }

  /** Of the epochs of a stream that Redis may keep readings of, by name: the first seq it keeps. */
  async keptFrom(producerId: string): Promise<Map<string, number>> {
    const stream = this.keys.stream(shardOf(producerId, this.shardCount), producerId);
    const [epoch, base, retained, former] = await this.redis.hmget(stream, 'epoch', 'base', 'retained_from', 'former');
    const kept = new Map<string, number>();
    if (!epoch) return kept;
    const keep = (name: string, before: number) => kept.set(name, Math.max(1, Number(retained) - before));
    for (const [, name = '', before, last] of (former ?? '').matchAll(/([^:,]+):(\d+):(\d+),/g)) {
      if (Number(last) >= Number(retained)) keep(name, Number(before));
    }
    keep(epoch, Number(base));
    return kept;
  }

  /** One stream's state; undefined if nobody sent or followed it yet. */
  async readOne(producerId: string): Promise<StreamState | undefined> {
    const shard = shardOf(producerId, this.shardCount);
    const now = Date.now();
    const [fields, devicesOnline] = await Promise.all([
      this.redis.hgetall(this.keys.stream(shard, producerId)),
      this.redis.zcount(this.keys.presence(shard, producerId), now - onlineMs, '+inf'),
    ]);
    if (fields.epoch === undefined) return undefined;
    // Redis counts these over all epochs of the stream.
    const seqOf = (offset: string | undefined) => Math.max(0, Number(offset) - Number(fields.base));
    const head = seqOf(fields.head);
    const retainedFrom = Math.max(1, seqOf(fields.retained_from));
    return {
      producerId,
      epoch: fields.epoch,
      head,
      persisted: seqOf(fields.persisted),
      rate: rateOf(fields, now),
      devicesOnline,
      retained: retainedFrom > head ? null : { from: retainedFrom, to: head },
    };
  }
}

/** Weighs the window that is over by how much of it still lies within the last 10 seconds. */
export function rateOf(fields: Record<string, string>, now: number): number {
  const window = Math.floor(now / rateWindowMs);
  const begun = Number(fields.rate_window ?? 0);
  const since = Number(fields.head) - Number(fields.rate_from ?? fields.head);
  const current = begun === window ? since : 0;
  const last = begun === window ? Number(fields.rate_last ?? 0) : begun === window - 1 ? since : 0;
  const elapsed = (now % rateWindowMs) / rateWindowMs;
  return (current + last * (1 - elapsed)) / (rateWindowMs / 1000);
}
