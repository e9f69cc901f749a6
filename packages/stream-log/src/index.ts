export { BatchWriter, batchOfText, visitReadings } from './batch.ts';
export { boundByMemory } from './bound-by-memory.ts';
export { openLimiterRedis, openRedis, type RedisAddress, type RedisConnection } from './connection.ts';
export { type CreditState, type CreditUnit, gatewayLifetimeMs } from './credit.ts';
export { maxFlushBytes, maxFlushReadings, maxFlushSegments } from './flush-bounds.ts';
export { removeFormerFunctions } from './functions.ts';
export { type AppendResult, type DeviceSequences, IngestLog, type Segment } from './ingest-log.ts';
export { listenForIngest } from './ingest-wakes.ts';
export { createKeys, type Keys } from './keys.ts';
export { type LiveBatch, LiveStreams } from './live-streams.ts';
export { ManagerTable } from './manager-table.ts';
export { lastSeq, type NumberedBatch, type RetainedBatch } from './numbered-batch.ts';
export type { Position } from './position.ts';
export { notePresence } from './presence.ts';
export { redisReadiness } from './redis-readiness.ts';
export { RetainedStreams, type SeqRange, type StreamPart } from './retained-streams.ts';
export {
  type AccountRights,
  type Entitlement,
  type Grant,
  type ItemKind,
  type Right,
  RightsStore,
  type SessionRight,
} from './rights-store.ts';
export { defaultShardCount, fixShardCount, shardOf } from './shards.ts';
export { StreamReader, type StreamState } from './stream-reader.ts';
export { type Applied, type RetentionBounds, StreamWriter, type UnpersistedRange } from './stream-writer.ts';
export { Subscriber } from './subscriber.ts';
export { type DeliveredSpan, readUsageEntry, type UsageEntry, type UsageReport } from './usage-entry.ts';
export { type Credit, type CreditChange, UsageLog } from './usage-log.ts';
export {
  type CreditAsk,
  type FoundReception,
  type ReceptionMark,
  type ReceptionPlace,
  type Slice,
  type UsageAnswer,
  type UsageCall,
  UsageReporter,
} from './usage-reporter.ts';
