/** What both platforms export alike. */
export { AuthClient, type AuthClientOptions } from './auth-client.ts';
export type { ConnectionEnd, ConnectionState } from './connection-state.ts';
export type { ConsumerClientOptions } from './consumer-client.ts';
export { ConsumerEventSource, type ConsumerEventSourceOptions } from './consumer-event-source.ts';
export type {
  ConsumerEvents,
  ConsumerState,
  Gap,
  ReceivedReading,
} from './consumer-events.ts';
export type { StreamWish } from './consumer-streams.ts';
export { checkedSequence, MemoryQueue, type MemoryQueueOptions } from './memory-queue.ts';
export { numberedReadingBytes } from './new-readings.ts';
export type { PageQuery } from './page-query.ts';
export type { ProducerClientOptions } from './producer-client.ts';
export type { ProducerEvents, ProducerState } from './producer-events.ts';
export type { NewReading, Numbering, Origin, QueuedReading, ReadingQueue } from './reading-queue.ts';
export type { Session, SessionEvents } from './session.ts';
export type { Place } from './stream-state.ts';
export { SubscriptionsClient, type SubscriptionsClientOptions } from './subscriptions-client.ts';
export { isTokenRefusal, type TokenSource } from './token-source.ts';
