import type { BatchWriter } from './batch.ts';
import type { RedisConnection } from './connection.ts';
import { asList, asNumber, asText, callFunction } from './functions.ts';
import type { Keys } from './keys.ts';

/** First and last `sequence` of one device in a batch. */
export interface DeviceSequences {
  deviceId: string;
  first: number;
  last: number;
}

/** What one producer sent in a flush. Within it, each device's sequences grow. */
export interface Segment {
  producerId: string;
  batch: BatchWriter;
  devices: DeviceSequences[];
}

export type AppendResult =
  | { outcome: 'stored' }
  /** The backlog is at its bound. Nothing was stored. */
  | { outcome: 'full' }
  /** Some devices' batches begin at or below what is stored already. Nothing was stored. */
  | { outcome: 'stale'; devices: { device: DeviceSequences; stored: number }[] };

/** The ingest logs as a producer gateway writes them. */
export class IngestLog {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    /** Names this gateway process, for repeating a flush whose outcome is unknown. */
    private readonly gatewayId: string,
    private readonly maxBacklogBytesPerShard: number,
  ) {}

  /**
   * Stores a flush, whole or not at all, and durably once this resolves: in the shard's ingest log, or, if nothing waits
   * there before it and a stream manager allows that, numbered, retained and published at once. `flushNumber` grows with every flush of a
   * shard; a flush sent again under its number, by this call or by the connection after a loss, is stored once. Rejects
   * if Redis refuses.
   */
  async append(shard: number, flushNumber: number, segments: readonly Segment[]): Promise<AppendResult> {
    const { keys, gatewayId } = this;
    const args: (string | number | Buffer)[] = [keys.shardPrefix(shard), flushNumber, this.maxBacklogBytesPerShard];
    for (const { producerId, batch, devices } of segments) {
      args.push(producerId, batch.count, batch.bodyBytes, batch.bytes(), devices.length);
      for (const { deviceId, first, last } of devices) args.push(deviceId, first, last);
    }
    const reply = asList(
      await callFunction(
        this.redis,
        'append',
        [keys.ingest(shard), keys.shard(shard), keys.flush(shard, gatewayId), keys.wake(shard)],
        args,
      ),
    );
    const outcome = asText(reply[0]);
    if (outcome === 'ok') return { outcome: 'stored' };
    if (outcome === 'full') return { outcome: 'full' };
    const all = segments.flatMap(({ devices }) => devices);
    const stale: { device: DeviceSequences; stored: number }[] = [];
    for (let at = 1; at < reply.length; at += 2) {
      const device = all[asNumber(reply[at])];
      if (device) stale.push({ device, stored: asNumber(reply[at + 1]) });
    }
    return { outcome: 'stale', devices: stale };
  }
}
