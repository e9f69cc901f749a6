import type { ErrorFrame } from '@motience/protocol';
import type { ConnectionEnd, ConnectionState } from './connection-state.ts';
import type { QueuedReading } from './reading-queue.ts';

/** Counts since the client was made, and what waits now. */
export interface ProducerState {
  connection: ConnectionState;
  /** Readings not yet acknowledged, those under way included. */
  queued: number;
  queuedBytes: number;
  /** Readings sent on this connection and not yet acknowledged. */
  inFlight: number;
  /** Readings settled by the server; `refused` of them were refused for good. */
  acknowledged: number;
  refused: number;
  /** Readings thrown away because the queue was full (`whenFull: 'drop-oldest'`). */
  dropped: number;
}

export interface ProducerEvents {
  /** After every change, at most once per turn of the event loop. */
  state(state: ProducerState): void;
  connection(state: ConnectionState): void;
  /** These readings are settled: stored, known already, or reported by `refused` before. In the order sent. */
  ack(readings: readonly QueuedReading[]): void;
  /** The server will never take this reading; it leaves the queue. */
  refused(refusal: { reading: QueuedReading; kind: string; detail: string }): void;
  /**
   * The server had readings of this device up to `sequence` already. With `renumbered`, the queue had fallen behind
   * (its disk was lost, or it is new): its waiting readings continue with numbers above that, and none is left out.
   */
  repeat(repeat: { deviceId: string; sequence: number; renumbered: boolean }): void;
  /** An error that is about no single reading; usually the reason of a close that follows. */
  error(frame: ErrorFrame): void;
  dropped(readings: number): void;
  /** A connection, or an attempt to make one, ended. */
  closed(end: ConnectionEnd): void;
}
