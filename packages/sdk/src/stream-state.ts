import type { Narrowing } from './narrowing.ts';

/** A place in a stream's numbering. */
export interface Place {
  epoch: string;
  seq: number;
}

/**
 * Where one stream stands between a client and the server:
 *
 * - `idle`: not connected, or nothing of this stream is sent on this connection.
 * - `due`: the server has to be asked for what follows our place. What comes before it answers is ignored.
 * - `asked`: it was asked. What comes before the answer is ignored: it comes again after it.
 * - `live`: what comes continues our place.
 * - `adjusting`: the same, but the server has to be asked for it narrowed otherwise.
 * - `held`: the application has no room. What comes is ignored; the server is asked for it later.
 * - `leaving`: the application does not want the stream; the server has to be told.
 * - `off`: the application does not want the stream.
 */
export type StreamPhase = 'idle' | 'due' | 'asked' | 'live' | 'adjusting' | 'held' | 'leaving' | 'off';

/** One stream as a client knows it; a value without sockets or timers. */
export interface StreamState {
  phase: StreamPhase;
  /**
   * Everything up to here was given to the application, left out by its own narrowing, or named in a gap. Undefined
   * until the server has said where the stream starts; known in `live`, `adjusting` and `held`.
   */
  place: Place | undefined;
  /** What of it the application wants; undefined: all. */
  narrowing: Narrowing | undefined;
  /** What of it the server sends; narrowed, numbers are left out without being missing. */
  sent: Narrowing | undefined;
  /** What the server was asked for, in `asked`. */
  asked: { narrowing: Narrowing | undefined; place: Place | undefined } | undefined;
  /**
   * Questions from before the application last stopped the stream, whose answers are of no use. Once the server has
   * stopped it too, none comes any more.
   */
  stale: number;
  /** Where the stream stood in the epochs before this one, in the stream's order. */
  before: readonly Place[];
  /** The same of those after this one: not empty while the server repeats an epoch that the stream had left. */
  ahead: readonly Place[];
  /** The epochs whose rest was named as missing when the stream last left one. */
  lostEpochs: readonly string[];
  /** The epoch of a `subscribed` in `asked` that names another place: the answer if it comes again. */
  doubted: string | undefined;
  /** The place at which the server was asked once more, because what it sent did not follow. */
  askedAgainAt: Place | undefined;
}

export interface StreamEvents {
  /** The application wants the stream: from its place on, or from `after` if given. */
  want: { narrowing: Narrowing | undefined; after: Place | undefined; connected: boolean };
  unwant: object;
  /** There is a connection, on which the server starts the stream after `place`; without one it has to be asked. */
  started: { place: Place | undefined };
  /** What was due has been sent. */
  sent: object;
  subscribed: { place: Place; recovered: boolean };
  /** The server will not do what it was asked. */
  refused: object;
  /** `room`: whether the application can take one more. */
  reading: { seq: number; deviceId: string; room: boolean };
  gap: { epoch: string; from: number; to: number; reason: string };
  position: { place: Place };
  /** The server ended the stream; `requested` if we asked it to. */
  unsubscribed: { requested: boolean };
  /** The application can take readings again. */
  room: object;
  /** The connection is gone. */
  lost: object;
}

/** What the application is to be told, in order. */
export type StreamNews =
  | { type: 'gap'; epoch: string; from: number; to: number; reason: string }
  /** The stream goes on right after this place: after a reconnect, from a saved place, or narrowed otherwise. */
  | { type: 'resumed'; place: Place }
  /** The reading of this event is the application's. */
  | { type: 'deliver'; epoch: string };

/** A stream after an event, and what the application is to be told of it. */
export interface StreamStep {
  state: StreamState;
  news: readonly StreamNews[];
}

export function newStream(place?: Place): StreamState {
  return {
    phase: 'idle',
    place,
    narrowing: undefined,
    sent: undefined,
    asked: undefined,
    stale: 0,
    before: [],
    ahead: [],
    lostEpochs: [],
    doubted: undefined,
    askedAgainAt: undefined,
  };
}
