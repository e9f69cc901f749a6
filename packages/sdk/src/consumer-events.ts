import type { ConsumerDownFrame, DeliveredReading, ErrorFrame, StreamPosition } from '@motience/protocol';
import type { ConnectionEnd, ConnectionState } from './connection-state.ts';

/** A reading as parsed, and its frame byte for byte: numbers beyond a double's precision survive only there. */
export interface ReceivedReading {
  reading: DeliveredReading;
  text: string;
  /** The epoch in which the reading's `seq` counts: with it, its position can be stored beside it. */
  epoch: string;
}

type Frame<Type extends ConsumerDownFrame['type']> = Extract<ConsumerDownFrame, { type: Type }>;

/** Readings `from` … `to` that will not reach the application; `to` may be `restOfEpoch`. */
export interface Gap {
  producerId: string;
  epoch: string;
  from: number;
  to: number;
  /** As the server gave it (`not-retained`, `not-entitled`), or `unexplained` where the server gave none. */
  reason: string;
}

export interface ConsumerState {
  connection: ConnectionState;
  /** Readings given to the application since the client was made. */
  received: number;
}

export interface ConsumerEvents {
  state(state: ConsumerState): void;
  connection(state: ConnectionState): void;
  reading(received: ReceivedReading): void;
  welcome(frame: Frame<'welcome'>): void;
  subscribed(frame: Frame<'subscribed'>): void;
  /**
   * Nothing more of this stream for now. Where it is not paid for (`insufficient-funds` and other reasons that are not
   * `requested` or `subscription-ended`) it goes on by itself at the same place once it is, told by `resumed`.
   */
  unsubscribed(frame: Frame<'unsubscribed'>): void;
  /** So many percent are left of what may be spent on a stream. */
  balance(frame: Frame<'balance'>): void;
  /** A stream goes on right after this position: after a reconnect, from a saved position, or for another device. */
  resumed(position: StreamPosition): void;
  /** Readings will not come. Without this event, none is missing. After a restart the last ones may be told again. */
  gap(gap: Gap): void;
  position(frame: Frame<'position'>): void;
  error(frame: ErrorFrame): void;
  closed(end: ConnectionEnd): void;
}
