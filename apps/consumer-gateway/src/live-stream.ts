import type { LiveBatch } from '@motience/stream-log';
import type { ConsumerConnection } from './consumer-connection.ts';
import type { Position } from './stream-position.ts';

/** A stream that this gateway follows because some of its sockets receive it. */
export interface LiveStream {
  readonly producerId: string;
  readonly connections: Set<ConsumerConnection>;
  /** How many sockets on this gateway are narrowed to each device. */
  readonly narrowed: Map<string, number>;
  /** Where it stands; undefined until its head was read. */
  position: Position | undefined;
  /** Batches that came before the head was known. */
  early: LiveBatch[];
  /** Resolves when the position is known, rejects when it cannot be. */
  opened: Promise<void>;
  /** How many wait for it to open or receive it. */
  holders: number;
  /** Head as the last check saw it. */
  headSeen: Position | undefined;
}

/** uWebSockets.js topic of a whole stream, or of one device in it. */
export function topicOf(producerId: string, deviceId?: string): string {
  return deviceId === undefined ? producerId : `${producerId}/${deviceId}`;
}
