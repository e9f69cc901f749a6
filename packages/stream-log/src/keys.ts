/**
 * Every Redis key and channel of the platform. Keys of one shard carry its hash tag (`{s3}`), so that on a Redis
 * Cluster all keys of a stream lie in one slot and a function can touch them together.
 */
export interface Keys {
  /** What every key of a shard begins with. */
  shardPrefix(shard: number): string;
  /** How many shards there are; fixed at first start. */
  readonly shardCount: string;
  /** Ingest log of a shard: one entry per flush of a producer gateway. */
  ingest(shard: number): string;
  /** Hash of a shard's counters and positions. */
  shard(shard: number): string;
  /** Number of the last flush one gateway process stored: makes repeating a flush harmless. */
  flush(shard: number, gatewayId: string): string;
  /** Set of a shard's producers that have readings not yet in PostgreSQL. */
  unpersisted(shard: number): string;
  /** Set of a shard's producers whose streams retain anything. */
  streams(shard: number): string;
  /** Hash with a stream's epoch, head and counters. */
  stream(shard: number, producerId: string): string;
  /** Retained window of a stream. */
  retained(shard: number, producerId: string): string;
  /** Hash from device_id to the last `sequence` stored for it. */
  sequences(shard: number, producerId: string): string;
  /** Sorted set of a producer's devices by when they were last seen, in ms since 1970. */
  presence(shard: number, producerId: string): string;
  /** Channel on which a stream's readings are published. */
  live(shard: number, producerId: string): string;
  /** Channel that tells the owner of a shard that its ingest log has something new. */
  wake(shard: number): string;
  /** Sorted set of the stream managers that are there, by when they last said so, in ms by the clock of Redis. */
  readonly managers: string;
  /** Says whether the rights in Redis are complete, and in which of its lives. */
  readonly rightsProjected: string;
  /** Channel of changes to rights. */
  readonly rightsChanges: string;
  /** What every key of metering begins with. */
  readonly usagePrefix: string;
  /** Log of what gateways delivered to subscriptions that are paid for, until it is settled. */
  readonly usageLog: string;
  /** Channel that tells billing that somebody wants credit. */
  readonly usageWanted: string;
  /** Channel of subscriptions whose credit has changed. */
  readonly creditChanges: string;
  /** A live session's account. */
  session(sessionId: string): string;
  /** What is known of an API key, beside the session of the same id. */
  apiKey(id: string): string;
  /** Sorted set of the API keys that were used lately, by when, in ms since 1970. */
  readonly usedApiKeys: string;
  /** Hash from a producer's device_ids to 0. */
  devices(producerId: string): string;
  /** Hash from the producers a consumer is subscribed to, to since when, in ms since 1970, and the subscription. */
  subscriptions(consumerId: string): string;
}

/** Keys under `prefix`, so that several platforms, or tests, can share one Redis. */
export function createKeys(prefix: string): Keys {
  const inShard = (shard: number, ...rest: string[]) => `${prefix}:{s${shard}}:${rest.join(':')}`;
  return {
    shardPrefix: (shard) => inShard(shard, ''),
    shardCount: `${prefix}:shards`,
    ingest: (shard) => inShard(shard, 'ingest'),
    shard: (shard) => inShard(shard, 'shard'),
    flush: (shard, gatewayId) => inShard(shard, 'flush', gatewayId),
    unpersisted: (shard) => inShard(shard, 'unpersisted'),
    streams: (shard) => inShard(shard, 'streams'),
    stream: (shard, producerId) => inShard(shard, 'stream', producerId),
    retained: (shard, producerId) => inShard(shard, 'retained', producerId),
    sequences: (shard, producerId) => inShard(shard, 'sequences', producerId),
    presence: (shard, producerId) => inShard(shard, 'presence', producerId),
    live: (shard, producerId) => inShard(shard, 'live', producerId),
    wake: (shard) => inShard(shard, 'wake'),
    // With a hash tag, as every key of a function.
    managers: `${prefix}:{managers}`,
    rightsProjected: `${prefix}:{rights}:complete`,
    rightsChanges: `${prefix}:rights:changes`,
    usagePrefix: `${prefix}:{usage}:`,
    usageLog: `${prefix}:{usage}:log`,
    usageWanted: `${prefix}:{usage}:wanted`,
    creditChanges: `${prefix}:{usage}:credit-changes`,
    session: (sessionId) => `${prefix}:session:${sessionId}`,
    apiKey: (id) => `${prefix}:api-key:${id}`,
    usedApiKeys: `${prefix}:api-keys-used`,
    devices: (producerId) => `${prefix}:rights:devices:${producerId}`,
    subscriptions: (consumerId) => `${prefix}:rights:subscriptions:${consumerId}`,
  };
}
