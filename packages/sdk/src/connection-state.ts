import type { Refusal } from '@motience/protocol';

/** Where a client's connection stands. */
export type ConnectionState =
  | { phase: 'idle' }
  | { phase: 'connecting'; attempt: number }
  | { phase: 'open' }
  /** The connection is lost; the next attempt begins `retryInMs` after this was reported. */
  | { phase: 'waiting'; attempt: number; retryInMs: number; ended: ConnectionEnd }
  /** Nothing more is tried; `ended` is missing after `stop()`. */
  | { phase: 'stopped'; ended?: ConnectionEnd };

/** How one connection, or the attempt to make one, ended. */
export interface ConnectionEnd {
  /** WebSocket close code; 1006 also when the server could not be reached or no token could be had. */
  code: number;
  /** In words for people. */
  meaning: string;
  /** Whether the client connects again by itself. */
  reconnect: boolean;
  /** What the server, or the sign-in, said before it. */
  refusal?: Refusal;
}
