import { createTestRedis } from '@motience/engines/testing';
import { readingsIn } from '../../../tests/support/readings-in.ts';
import { BatchWriter } from './batch.ts';
import { openRedis, type RedisAddress, type RedisConnection } from './connection.ts';
import { type DeviceSequences, IngestLog, type Segment } from './ingest-log.ts';
import { createKeys, type Keys } from './keys.ts';
import { type LiveBatch, LiveStreams } from './live-streams.ts';
import { shardOf } from './shards.ts';
import { type RetentionBounds, StreamWriter } from './stream-writer.ts';
import { Subscriber } from './subscriber.ts';

export const shardCount = 4;
export const producerId = '5';
export const shard = shardOf(producerId, shardCount);

const wideBounds: RetentionBounds = {
  readings: 1_000_000,
  bytes: 2 ** 30,
  ageMs: 3_600_000,
  shardBytes: 2 ** 30,
  persist: true,
};

/** The stream log on a corner of Redis that no one else uses. */
export class LogCorner {
  readonly redis: RedisConnection;
  readonly keys: Keys;
  private flush = 0;
  private readonly connections: RedisConnection[] = [];
  private readonly subscribers: Subscriber[] = [];

  private constructor(
    private readonly url: RedisAddress,
    prefix: string,
    private readonly drop: () => Promise<void>,
  ) {
    this.redis = this.connect();
    this.keys = createKeys(prefix);
  }

  /** On the run's Redis, or on one that the test owns. */
  static async open(privateUrl?: RedisAddress): Promise<LogCorner> {
    const { url, prefix, drop } = await createTestRedis();
    return new LogCorner(privateUrl ?? url, prefix, drop);
  }

  /** A further connection, closed with the corner. */
  connect(): RedisConnection {
    const redis = openRedis(this.url, { onError: () => {} });
    this.connections.push(redis);
    return redis;
  }

  log(gatewayId = 'gateway', maxBacklogBytes = 2 ** 30): IngestLog {
    return new IngestLog(this.redis, this.keys, gatewayId, maxBacklogBytes);
  }

  writer(bounds: Partial<RetentionBounds> = {}): StreamWriter {
    return new StreamWriter(this.redis, this.keys, { ...wideBounds, ...bounds });
  }

  /** Has flushes of the shard applied as they are stored, from now on; applies nothing of what waits already. */
  async applyAtOnce(bounds: Partial<RetentionBounds> = {}): Promise<void> {
    await new StreamWriter(this.redis, this.keys, { ...wideBounds, ...bounds }, true).apply(shard, 0);
  }

  /** Applies what is stored, `batches` of it at most; how many readings that were. */
  async apply(bounds: Partial<RetentionBounds> = {}, batches = 100): Promise<number> {
    return (await this.writer(bounds).apply(shard, batches)).readings;
  }

  /** Follows the stream; what is published collects in the list. */
  async follow(): Promise<LiveBatch[]> {
    const published: LiveBatch[] = [];
    const live = this.live();
    live.listen(
      (batch) => published.push({ ...batch, batch: Buffer.from(batch.batch) }),
      () => {},
    );
    await live.follow(producerId);
    return published;
  }

  live(): LiveStreams {
    return new LiveStreams(this.redis, this.subscriber(), this.keys, shardCount);
  }

  /** Closed with the corner. */
  subscriber(): Subscriber {
    const subscriber = new Subscriber(this.redis, { onError: () => {} });
    this.subscribers.push(subscriber);
    return subscriber;
  }

  /** Stores readings with these bodies as one flush, which is applied only if `applyAtOnce` was called. */
  async store(...bodies: string[]): Promise<void> {
    this.flush += 1;
    await this.log('store').append(shard, this.flush, [segment(bodies)]);
  }

  /** The same for another producer. */
  async storeFor(otherProducerId: string, ...bodies: string[]): Promise<void> {
    this.flush += 1;
    const otherShard = shardOf(otherProducerId, shardCount);
    await this.log('store').append(otherShard, this.flush, [segment(bodies, [], otherProducerId)]);
  }

  /** Bodies of all readings in the ingest log, in order. */
  async stored(): Promise<string[]> {
    const entries = await this.redis.xrangeBuffer(this.keys.ingest(shard), '-', '+');
    return entries.flatMap(([, fields]) => fields.flatMap((field, at) => (at % 2 === 1 ? bodiesOf(field) : [])));
  }

  /** Seqs at which the batches end that Redis retains of the stream. */
  async retained(): Promise<number[]> {
    const entries = await this.redis.xrange(this.keys.retained(shard, producerId), '-', '+');
    return entries.map(([id]) => Number.parseInt(id, 10));
  }

  async close(): Promise<void> {
    for (const subscriber of this.subscribers) subscriber.close();
    for (const redis of this.connections) redis.disconnect();
    await this.drop();
  }
}

/** Readings of a producer for one flush; their device is `a`. */
export function segment(bodies: readonly string[], devices: DeviceSequences[] = [], of = producerId): Segment {
  const batch = new BatchWriter();
  for (const body of bodies) batch.add('a', body);
  return { producerId: of, batch, devices };
}

/** Seq and body of each reading that was published. */
export function numbered(batches: readonly LiveBatch[]): string[] {
  return batches.flatMap(({ firstSeq, batch }) => bodiesOf(batch).map((body, index) => `${firstSeq + index} ${body}`));
}

export function bodiesOf(batch: Buffer): string[] {
  return readingsIn(batch).map(({ body }) => body);
}
