import { restOfEpoch } from '@motience/protocol';
import type { EventOf, StateTable } from './state-table.ts';

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
 * - `adjusting`: the same, but the server has to be asked for another device, or for all.
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
  /** The only device the application wants; undefined: all. */
  deviceId: string | undefined;
  /** The only device the server sends; with one, numbers are left out without being missing. */
  sent: string | undefined;
  /** What the server was asked for, in `asked`. */
  asked: { deviceId: string | undefined; place: Place | undefined } | undefined;
  /**
   * Questions from before the application last stopped the stream, whose answers are of no use. Once the server has
   * stopped it too, none comes any more.
   */
  stale: number;
  /** Where the stream stood in epochs it has left, the latest last. */
  left: readonly Place[];
  /** The epoch whose rest was named as missing when the stream left it. */
  lostEpoch: string | undefined;
  /** The epoch of a `subscribed` in `asked` that names another place: the answer if it comes again. */
  doubted: string | undefined;
  /** The place at which the server was asked once more, because what it sent did not follow. */
  askedAgainAt: Place | undefined;
}

export interface StreamEvents {
  /** The application wants the stream: from its place on, or from `after` if given. */
  want: { deviceId: string | undefined; after: Place | undefined; connected: boolean };
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

export type StreamEvent = EventOf<StreamEvents>;

/** What the application is to be told, in order. */
export type StreamNews =
  | { type: 'gap'; epoch: string; from: number; to: number; reason: string }
  /** The stream goes on right after this place: after a reconnect, from a saved place, or for another device. */
  | { type: 'resumed'; place: Place }
  /** The reading of this event is the application's. */
  | { type: 'deliver'; epoch: string };

interface Step {
  state: StreamState;
  news: readonly StreamNews[];
}

/** Reason of a gap that the server did not name. */
const unexplained = 'unexplained';
const epochsRemembered = 8;

export function newStream(place?: Place): StreamState {
  return {
    phase: 'idle',
    place,
    deviceId: undefined,
    sent: undefined,
    asked: undefined,
    stale: 0,
    left: [],
    lostEpoch: undefined,
    doubted: undefined,
    askedAgainAt: undefined,
  };
}

/** The stream after an event, and what the application is to be told of it. */
export function stepStream<Type extends keyof StreamEvents>(
  state: StreamState,
  event: EventOf<StreamEvents, Type>,
): Step {
  return table[state.phase][event.type](state, event);
}

const stay = (state: StreamState): Step => ({ state, news: [] });
const to = (phase: StreamPhase) => (state: StreamState) => stay({ ...state, phase });
const goIdle = (state: StreamState) =>
  stay({
    ...state,
    phase: 'idle',
    sent: undefined,
    asked: undefined,
    stale: 0,
    doubted: undefined,
    askedAgainAt: undefined,
  });
const goOff = (state: StreamState) => stay({ ...state, phase: 'off', stale: 0 });
const askAfterRequested = (state: StreamState, { requested }: StreamEvents['unsubscribed']) =>
  requested ? stay({ ...state, phase: 'due' }) : goIdle(state);
const stayIfRequested = (state: StreamState, { requested }: StreamEvents['unsubscribed']) =>
  requested ? stay({ ...state, stale: 0 }) : goIdle(state);

/** State by event. This is what runs, not a copy of it. */
const table: StateTable<StreamPhase, StreamState, StreamEvents, Step> = {
  idle: {
    want: wanted,
    unwant: forget('off'),
    started: start,
    sent: stay,
    subscribed: start,
    refused: stay,
    reading: stay,
    gap: stay,
    position: stay,
    unsubscribed: stay,
    room: stay,
    lost: stay,
  },
  due: {
    want: wanted,
    unwant: forget('leaving'),
    started: start,
    sent: ask,
    subscribed: unlessStale(stay),
    refused: unlessStale(stay),
    reading: stay,
    gap: stay,
    position: stay,
    unsubscribed: stayIfRequested,
    room: stay,
    lost: goIdle,
  },
  asked: {
    want: wantedOtherwise,
    unwant: forget('leaving'),
    started: start,
    sent: stay,
    subscribed: unlessStale(answered),
    refused: unlessStale(goIdle),
    reading: stay,
    gap: stay,
    position: stay,
    unsubscribed: stayIfRequested,
    room: stay,
    lost: goIdle,
  },
  live: {
    want: wanted,
    unwant: forget('leaving'),
    started: start,
    sent: stay,
    subscribed: moved,
    refused: stay,
    reading: read,
    gap: skip,
    position: reach,
    unsubscribed: askAfterRequested,
    room: stay,
    lost: goIdle,
  },
  adjusting: {
    want: wanted,
    unwant: forget('leaving'),
    started: start,
    sent: ask,
    subscribed: moved,
    refused: stay,
    reading: read,
    gap: skip,
    position: reach,
    unsubscribed: askAfterRequested,
    room: stay,
    lost: goIdle,
  },
  held: {
    want: wanted,
    unwant: forget('leaving'),
    started: start,
    sent: stay,
    subscribed: stay,
    refused: stay,
    reading: stay,
    gap: stay,
    position: stay,
    unsubscribed: stayIfRequested,
    room: to('due'),
    lost: goIdle,
  },
  leaving: {
    want: wanted,
    unwant: stay,
    started: stay,
    sent: to('off'),
    subscribed: unlessStale(stay),
    refused: unlessStale(stay),
    reading: stay,
    gap: stay,
    position: stay,
    unsubscribed: goOff,
    room: stay,
    lost: goOff,
  },
  off: {
    want: wanted,
    unwant: stay,
    started: to('leaving'),
    sent: stay,
    subscribed: unlessStale(to('leaving')),
    refused: unlessStale(stay),
    reading: stay,
    gap: stay,
    position: stay,
    unsubscribed: goOff,
    room: stay,
    lost: goOff,
  },
};

/** Carries on from the place we know, or from the one we are given. */
function wanted(state: StreamState, want: StreamEvents['want']): Step {
  const next = wish(state, want);
  if (!want.connected) return stay({ ...next, phase: 'idle' });
  if (state.phase === 'held' && !want.after) return stay(next);
  const flows = (state.phase === 'live' || state.phase === 'adjusting') && !want.after;
  if (!flows) return stay({ ...next, phase: 'due' });
  return stay({ ...next, phase: want.deviceId === state.sent ? 'live' : 'adjusting' });
}

/** There is one question at a time: what differs from it is asked for once it is answered. */
function wantedOtherwise(state: StreamState, want: StreamEvents['want']): Step {
  return stay(wish(state, want));
}

function wish(state: StreamState, { deviceId, after }: StreamEvents['want']): StreamState {
  if (!after) return { ...state, deviceId };
  return { ...state, deviceId, place: after, left: [], lostEpoch: undefined, askedAgainAt: undefined };
}

function forget(phase: 'leaving' | 'off') {
  return (state: StreamState): Step => {
    const stale = state.stale + (state.phase === 'asked' ? 1 : 0);
    return stay({ ...newStream(), phase, stale });
  };
}

/** An answer that is no longer of use uses itself up. */
function unlessStale<Event>(handle: (state: StreamState, event: Event) => Step) {
  return (state: StreamState, event: Event): Step =>
    state.stale > 0 ? stay({ ...state, stale: state.stale - 1 }) : handle(state, event);
}

/** The server starts the stream by itself: good if that is where we stand, otherwise it has to be moved. */
function start(state: StreamState, { place }: { place: Place | undefined }): Step {
  const known = state.place ?? place;
  const next: StreamState = { ...state, place: known, sent: undefined };
  if (!place || !known || !isSame(place, known) || state.deviceId !== undefined) return stay({ ...next, phase: 'due' });
  return { state: { ...next, phase: 'live' }, news: state.place ? [{ type: 'resumed', place: known }] : [] };
}

function ask(state: StreamState): Step {
  return stay({ ...state, phase: 'asked', asked: { deviceId: state.deviceId, place: state.place } });
}

/**
 * A `subscribed` while we wait for an answer. One that names the place we asked for is it. Another may have been sent for
 * a reason of its own, so that the server is asked once more before it counts.
 */
function answered(state: StreamState, subscribed: StreamEvents['subscribed']): Step {
  const { place, recovered } = subscribed;
  const { place: known, asked } = state;
  const echoes = !asked?.place || isSame(place, asked.place);
  if (!echoes && recovered) return stay(state);
  if (!asked || asked.place !== known) return stay({ ...state, phase: 'due', asked: undefined });
  if (!echoes && state.doubted !== place.epoch) {
    return stay({ ...state, phase: 'due', asked: undefined, doubted: place.epoch });
  }
  const phase = state.deviceId === asked.deviceId ? 'live' : 'adjusting';
  const next: StreamState = { ...state, phase, sent: asked.deviceId, asked: undefined, doubted: undefined };
  if (!known) return stay({ ...next, place });
  if (echoes) return { state: next, news: [{ type: 'resumed', place }] };
  if (place.epoch !== known.epoch) return enter(next, known, subscribed);
  // Behind us without another epoch: our place never was one of this stream, so what is there now is new.
  return place.seq < known.seq ? stay({ ...next, place }) : missing(next, known, place.seq);
}

/** A `subscribed` that we did not ask for, while readings come. */
function moved(state: StreamState, subscribed: StreamEvents['subscribed']): Step {
  const { place } = subscribed;
  const known = state.place;
  if (!known) return stay({ ...state, place });
  if (place.epoch === known.epoch) return place.seq > known.seq ? holeBefore(state, known, place.seq + 1) : stay(state);
  // To an epoch that the stream has left already: the answer to a question that was asked twice.
  const isBack = state.left.some(({ epoch }) => epoch === place.epoch);
  return (isBack ? askAgain(state, known) : undefined) ?? enter(state, known, subscribed);
}

/** Goes on in another epoch, where we stood in it if we were there before. */
function enter(state: StreamState, known: Place, { place, recovered }: StreamEvents['subscribed']): Step {
  const before = state.left.find(({ epoch }) => epoch === place.epoch);
  const others = state.left.filter((one) => one !== before);
  const next: StreamState = {
    ...state,
    place: before && before.seq > place.seq ? before : place,
    left: [...others, known].slice(-epochsRemembered),
  };
  if (recovered) return stay(next);
  const gaps = [
    { type: 'gap', epoch: known.epoch, from: known.seq + 1, to: restOfEpoch, reason: 'not-retained' },
    { type: 'gap', epoch: place.epoch, from: (before?.seq ?? 0) + 1, to: place.seq, reason: 'not-retained' },
  ] as const;
  return { state: { ...next, lostEpoch: known.epoch }, news: gaps.filter(({ from, to }) => from <= to) };
}

function read(state: StreamState, { seq, deviceId, room }: StreamEvents['reading']): Step {
  const known = state.place;
  if (!known || seq <= known.seq) return stay(state);
  const before = state.sent === undefined ? holeBefore(state, known, seq) : stay(state);
  if (before.state.phase === 'due') return before;
  const isWanted = state.deviceId === undefined || state.deviceId === deviceId;
  if (isWanted && !room) return { state: { ...before.state, phase: 'held' }, news: before.news };
  const next = { ...before.state, place: { epoch: known.epoch, seq } };
  return { state: next, news: isWanted ? [...before.news, { type: 'deliver', epoch: known.epoch }] : before.news };
}

function skip(state: StreamState, gap: StreamEvents['gap']): Step {
  const { epoch, from, to, reason } = gap;
  const known = state.place;
  if (known?.epoch !== epoch) {
    return { state, news: epoch === state.lostEpoch ? [] : [{ type: 'gap', epoch, from, to, reason }] };
  }
  if (to <= known.seq) return stay(state);
  const before = state.sent === undefined ? holeBefore(state, known, from) : stay(state);
  if (before.state.phase === 'due') return before;
  const named = { type: 'gap', epoch, from: Math.max(from, known.seq + 1), to, reason } as const;
  return { state: { ...before.state, place: { epoch, seq: to } }, news: [...before.news, named] };
}

function reach(state: StreamState, { place }: StreamEvents['position']): Step {
  const known = state.place;
  if (known?.epoch !== place.epoch || place.seq <= known.seq) return stay(state);
  return state.sent === undefined ? holeBefore(state, known, place.seq + 1) : stay({ ...state, place });
}

/** What lies between our place and `seq` did not come: it is asked for once more; failing that, it is missing. */
function holeBefore(state: StreamState, known: Place, seq: number): Step {
  return seq <= known.seq + 1 ? stay(state) : (askAgain(state, known) ?? missing(state, known, seq - 1));
}

/** Asks what follows our place; once for each, so that no answer can keep us asking. */
function askAgain(state: StreamState, known: Place): Step | undefined {
  if (state.askedAgainAt && isSame(known, state.askedAgainAt)) return undefined;
  return stay({ ...state, phase: 'due', asked: undefined, askedAgainAt: known });
}

function missing(state: StreamState, { epoch, seq }: Place, to: number): Step {
  const gap = { type: 'gap', epoch, from: seq + 1, to, reason: unexplained } as const;
  return { state: { ...state, place: { epoch, seq: to } }, news: [gap] };
}

function isSame(one: Place, other: Place): boolean {
  return one.epoch === other.epoch && one.seq === other.seq;
}
