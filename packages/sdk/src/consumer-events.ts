import type { ConsumerDownFrame, DeliveredReading, ErrorFrame, StreamPosition } from '@motience/protocol';
import type { ConnectionEnd, ConnectionState } from './connection-state.ts';

/** A reading as parsed, and its frame byte for byte: numbers beyond a double's precision survive only there. */
export interface ReceivedReading {
  reading: DeliveredReading;
  text: string;
}

type Frame<Type extends ConsumerDownFrame['type']> = Extract<ConsumerDownFrame, { type: Type }>;

/** Where a stream stood before a reconnect and where it went on. */
export interface StreamContinued {
  producerId: string;
  before: StreamPosition;
  after: StreamPosition;
  /** Readings that were sent in between and did not arrive here; undefined if the numbering changed (new epoch). */
  missed: number | undefined;
}

/** Readings `from` … `to` that did not reach the application. */
export interface MissedReadings {
  producerId: string;
  epoch: string;
  from: number;
  to: number;
  /** A gap's reason as the server gave it; `buffer-full` if the iterator was read too slowly; `unexplained` otherwise. */
  reason: string;
}

export interface ConsumerState {
  connection: ConnectionState;
  /** Readings given to the application since the client was made. */
  received: number;
  /** Where each stream stands, by producer id. */
  positions: ReadonlyMap<string, StreamPosition>;
}

export interface ConsumerEvents {
  state(state: ConsumerState): void;
  connection(state: ConnectionState): void;
  reading(received: ReceivedReading): void;
  welcome(frame: Frame<'welcome'>): void;
  subscribed(frame: Frame<'subscribed'>): void;
  unsubscribed(frame: Frame<'unsubscribed'>): void;
  /** Every stream that was known before, once after each reconnect. */
  continued(stream: StreamContinued): void;
  /** Readings are missing: named by the server in a gap, or noticed here. */
  missed(readings: MissedReadings): void;
  position(frame: Frame<'position'>): void;
  error(frame: ErrorFrame): void;
  closed(end: ConnectionEnd): void;
}
