import { restOfEpoch } from '@motience/protocol';
import { isSameNarrowing } from './narrowing.ts';
import {
  newStream,
  type Place,
  type StreamEvents,
  type StreamPhase,
  type StreamState,
  type StreamStep,
} from './stream-state.ts';

/** Reason of a gap that the server did not name. */
const unexplained = 'unexplained';
const epochsRemembered = 8;

export const stay = (state: StreamState): StreamStep => ({ state, news: [] });
export const to = (phase: StreamPhase) => (state: StreamState) => stay({ ...state, phase });
export const goIdle = (state: StreamState) =>
  stay({
    ...state,
    phase: 'idle',
    sent: undefined,
    asked: undefined,
    stale: 0,
    doubted: undefined,
    askedAgainAt: undefined,
  });
export const goOff = (state: StreamState) => stay({ ...state, phase: 'off', stale: 0 });
export const askAfterRequested = (state: StreamState, { requested }: StreamEvents['unsubscribed']) =>
  requested ? stay({ ...state, phase: 'due' }) : goIdle(state);
export const stayIfRequested = (state: StreamState, { requested }: StreamEvents['unsubscribed']) =>
  requested ? stay({ ...state, stale: 0 }) : goIdle(state);

/** Carries on from the place we know, or from the one we are given. */
export function wanted(state: StreamState, want: StreamEvents['want']): StreamStep {
  const next = wish(state, want);
  if (!want.connected) return stay({ ...next, phase: 'idle' });
  if (state.phase === 'held' && !want.after) return stay(next);
  const flows = (state.phase === 'live' || state.phase === 'adjusting') && !want.after;
  if (!flows) return stay({ ...next, phase: 'due' });
  return stay({ ...next, phase: isSameNarrowing(want.narrowing, state.sent) ? 'live' : 'adjusting' });
}

/** There is one question at a time: what differs from it is asked for once it is answered. */
export function wantedOtherwise(state: StreamState, want: StreamEvents['want']): StreamStep {
  return stay(wish(state, want));
}

function wish(state: StreamState, { narrowing, after }: StreamEvents['want']): StreamState {
  if (!after) return { ...state, narrowing };
  return { ...state, narrowing, place: after, before: [], ahead: [], lostEpochs: [], askedAgainAt: undefined };
}

export function forget(phase: 'leaving' | 'off') {
  return (state: StreamState): StreamStep => {
    const stale = state.stale + (state.phase === 'asked' ? 1 : 0);
    return stay({ ...newStream(), phase, stale });
  };
}

/** An answer that is no longer of use uses itself up. */
export function unlessStale<Event>(handle: (state: StreamState, event: Event) => StreamStep) {
  return (state: StreamState, event: Event): StreamStep =>
    state.stale > 0 ? stay({ ...state, stale: state.stale - 1 }) : handle(state, event);
}

/** The server starts the stream by itself: good if that is where we stand, otherwise it has to be moved. */
export function start(state: StreamState, { place }: { place: Place | undefined }): StreamStep {
  const known = state.place ?? place;
  const next: StreamState = { ...state, place: known, sent: undefined };
  if (!place || !known || !isSame(place, known) || state.narrowing) return stay({ ...next, phase: 'due' });
  return { state: { ...next, phase: 'live' }, news: state.place ? [{ type: 'resumed', place: known }] : [] };
}

export function ask(state: StreamState): StreamStep {
  return stay({ ...state, phase: 'asked', asked: { narrowing: state.narrowing, place: state.place } });
}

/**
 * A `subscribed` while we wait for an answer. One that names the place we asked for is it. Another may have been sent for
 * a reason of its own, so that the server is asked once more before it counts.
 */
export function answered(state: StreamState, subscribed: StreamEvents['subscribed']): StreamStep {
  const { place, recovered } = subscribed;
  const { place: known, asked } = state;
  const echoes = !asked?.place || isSame(place, asked.place);
  if (!echoes && recovered) return stay(state);
  if (!asked || asked.place !== known) return stay({ ...state, phase: 'due', asked: undefined });
  if (!echoes && state.doubted !== place.epoch) {
    return stay({ ...state, phase: 'due', asked: undefined, doubted: place.epoch });
  }
  const phase = isSameNarrowing(state.narrowing, asked.narrowing) ? 'live' : 'adjusting';
  const next: StreamState = { ...state, phase, sent: asked.narrowing, asked: undefined, doubted: undefined };
  if (!known) return stay({ ...next, place });
  if (echoes) return { state: next, news: [{ type: 'resumed', place }] };
  if (place.epoch !== known.epoch) return enter(next, known, subscribed);
  // Behind us without another epoch: our place never was one of this stream, so what is there now is new.
  return place.seq < known.seq ? stay({ ...next, place }) : missing(next, known, place.seq);
}

/** A `subscribed` that we did not ask for, while readings come. */
export function moved(state: StreamState, subscribed: StreamEvents['subscribed']): StreamStep {
  const { place } = subscribed;
  const known = state.place;
  if (!known) return stay({ ...state, place });
  if (place.epoch === known.epoch) return place.seq > known.seq ? holeBefore(state, known, place.seq + 1) : stay(state);
  // To an epoch that the stream has left already: the answer to a question that was asked twice.
  const isBack = state.before.some(({ epoch }) => epoch === place.epoch);
  return (isBack ? askAgain(state, known) : undefined) ?? enter(state, known, subscribed);
}

/**
 * Goes on in another epoch, where we stood in it if we were there before. If what lies between does not come, the rest
 * of each epoch that is passed is missing; going back, of each one that was to come after.
 */
function enter(state: StreamState, known: Place, { place, recovered }: StreamEvents['subscribed']): StreamStep {
  const visited = [...state.before, known, ...state.ahead];
  const index = visited.findIndex(({ epoch }) => epoch === place.epoch);
  const end = index === -1 ? visited.length : index;
  const stood = visited[index];
  const next: StreamState = {
    ...state,
    place: stood && stood.seq > place.seq ? stood : place,
    before: visited.slice(0, end).slice(-epochsRemembered),
    ahead: visited.slice(end + 1),
  };
  if (recovered) return stay(next);
  const lost = visited.slice(state.before.length, end > state.before.length ? end : undefined);
  const gaps = [
    ...lost.map(({ epoch, seq }) => ({ epoch, from: seq + 1, to: restOfEpoch })),
    { epoch: place.epoch, from: (stood?.seq ?? 0) + 1, to: place.seq },
  ].filter(({ from, to }) => from <= to);
  return {
    state: { ...next, lostEpochs: lost.map(({ epoch }) => epoch) },
    news: gaps.map((gap) => ({ type: 'gap', ...gap, reason: 'not-retained' })),
  };
}

export function read(state: StreamState, { seq, deviceId, room }: StreamEvents['reading']): StreamStep {
  const known = state.place;
  if (!known || seq <= known.seq) return stay(state);
  const before = state.sent === undefined ? holeBefore(state, known, seq) : stay(state);
  if (before.state.phase === 'due') return before;
  const isWanted = (state.narrowing?.deviceId ?? deviceId) === deviceId;
  if (isWanted && !room) return { state: { ...before.state, phase: 'held' }, news: before.news };
  const next = { ...before.state, place: { epoch: known.epoch, seq } };
  return { state: next, news: isWanted ? [...before.news, { type: 'deliver', epoch: known.epoch }] : before.news };
}

export function skip(state: StreamState, gap: StreamEvents['gap']): StreamStep {
  const { epoch, from, to, reason } = gap;
  const known = state.place;
  if (known?.epoch !== epoch) {
    return { state, news: state.lostEpochs.includes(epoch) ? [] : [{ type: 'gap', epoch, from, to, reason }] };
  }
  if (to <= known.seq) return stay(state);
  const before = state.sent === undefined ? holeBefore(state, known, from) : stay(state);
  if (before.state.phase === 'due') return before;
  const named = { type: 'gap', epoch, from: Math.max(from, known.seq + 1), to, reason } as const;
  return { state: { ...before.state, place: { epoch, seq: to } }, news: [...before.news, named] };
}

export function reach(state: StreamState, { place }: StreamEvents['position']): StreamStep {
  const known = state.place;
  if (known?.epoch !== place.epoch || place.seq <= known.seq) return stay(state);
  return state.sent === undefined ? holeBefore(state, known, place.seq + 1) : stay({ ...state, place });
}

/** What lies between our place and `seq` did not come: it is asked for once more; failing that, it is missing. */
function holeBefore(state: StreamState, known: Place, seq: number): StreamStep {
  return seq <= known.seq + 1 ? stay(state) : (askAgain(state, known) ?? missing(state, known, seq - 1));
}

/** Asks what follows our place; once for each, so that no answer can keep us asking. */
function askAgain(state: StreamState, known: Place): StreamStep | undefined {
  if (state.askedAgainAt && isSame(known, state.askedAgainAt)) return undefined;
  return stay({ ...state, phase: 'due', asked: undefined, askedAgainAt: known });
}

function missing(state: StreamState, { epoch, seq }: Place, to: number): StreamStep {
  const gap = { type: 'gap', epoch, from: seq + 1, to, reason: unexplained } as const;
  return { state: { ...state, place: { epoch, seq: to } }, news: [gap] };
}

function isSame(one: Place, other: Place): boolean {
  return one.epoch === other.epoch && one.seq === other.seq;
}
