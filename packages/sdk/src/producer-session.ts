import type { ProducerDownFrame } from '@motience/protocol';
import { encodedBytes } from './encode-readings.ts';
import type { Numbering, QueuedReading } from './reading-queue.ts';
import type { EventOf, StateTable } from './state-table.ts';

/**
 * - `down`: there is no connection.
 * - `up`: readings are sent as far as the window has room.
 * - `quiet`: the next reading has to go alone; it waits until nothing is in flight.
 * - `probing`: a reading was sent alone; nothing follows until it is settled.
 * - `confirming`: the queue is noting that the server has stored a reading under its numbering.
 * - `renumbering`: our numbering fell behind the server's; nothing more happens on this connection.
 */
type ProducerPhase = 'down' | 'up' | 'quiet' | 'probing' | 'confirming' | 'renumbering';

/**
 * What is under way on a producer's connection, as a pure value: which readings were sent, which are settled, what may
 * be sent next. `ProducerClient` carries out the actions. A connection goes through these steps:
 *
 * 1. `opened`: read the queue from its oldest reading on.
 * 2. Send the first reading alone, and every first one of a numbering the server has not confirmed. If the server
 *    answers `repeat` with a number we cannot have sent, our numbering fell behind (lost disk): nothing but that one
 *    reading was taken for a repeat, and it still waits, so renumber what waits, and connect again.
 * 3. Send on, frame by frame, while the window has room; each `ack` frees its readings.
 * 4. `lost`: forget the connection. The next one starts at the oldest reading that is still queued.
 */
export interface ProducerSession {
  phase: ProducerPhase;
  /** Counts connections, to tell late answers of the queue apart. */
  connection: number;
  /** Frames with readings that are not settled, oldest first. */
  frames: readonly SentFrame[];
  /** Readings sent, and settled, on this connection. */
  sent: number;
  settled: number;
  inFlightBytes: number;
  /** Id of the last reading sent on this connection. */
  lastId: number;
  /** Readings up to this id may have been sent before this connection. */
  sentBeforeId: number;
  reading: boolean;
  /** Whether the queue may hold readings beyond `lastId`. */
  more: boolean;
  /** Whether the socket has more bytes waiting than it should. */
  congested: boolean;
  /** The reading that was sent alone, in `probing` and `confirming`. */
  probe: Probe | undefined;
  repeatTold: boolean;
  /** When the server last settled something, or was first asked to. */
  progressAt: number;
  /** Ids of queued readings that were reported as refused, so that a resend does not report them again. */
  refusedIds: ReadonlySet<number>;
}

interface SentFrame {
  /** Place of its first reading among those of the connection, from 1. */
  first: number;
  readings: readonly QueuedReading[];
  numberings: ReadonlyMap<string, Numbering>;
}

interface Probe {
  reading: QueuedReading;
  confirmed: boolean;
  refused: boolean;
}

type Frame<Type extends ProducerDownFrame['type']> = Omit<Extract<ProducerDownFrame, { type: Type }>, 'type'>;

/** What happens to a session; the server's frames are events as they come. */
export interface ProducerEventMap {
  opened: object;
  lost: object;
  appended: object;
  congested: object;
  drained: object;
  confirmed: object;
  readings: {
    connection: number;
    readings: readonly QueuedReading[];
    numberings: ReadonlyMap<string, Numbering>;
  };
  ack: Frame<'ack'>;
  repeat: Frame<'repeat'>;
  error: Frame<'error'>;
  tick: object;
}

export type ProducerEvent = EventOf<ProducerEventMap>;

export type ProducerAction =
  | { type: 'read'; connection: number; afterId: number; limit: number; maxBytes: number }
  | { type: 'send'; readings: readonly QueuedReading[] }
  | { type: 'settled'; readings: readonly QueuedReading[]; throughId: number }
  | { type: 'refused'; reading: QueuedReading; kind: string; detail: string }
  | { type: 'repeat'; deviceId: string; sequence: number; renumber: boolean }
  | { type: 'confirm'; deviceId: string }
  | { type: 'error'; frame: Extract<ProducerDownFrame, { type: 'error' }> }
  /** Close and connect again: this connection cannot tell what has to be known next. */
  | { type: 'reconnect' }
  /** The link is dead, or the server does not keep the contract: end it without ceremony. */
  | { type: 'cut' };

type Step = { session: ProducerSession; actions: ProducerAction[] };

/** Below what the gateway takes unacknowledged (16,384 readings, 8 MiB) and in one frame (500, 256 KiB). */
export const sendLimits = {
  readingsInFlight: 8_000,
  bytesInFlight: 4 * 1024 * 1024,
  framesInFlight: 64,
  readingsPerFrame: 500,
  frameBytes: 200 * 1024,
  progressTimeoutMs: 30_000,
} as const;

export const newProducerSession: ProducerSession = {
  phase: 'down',
  connection: 0,
  frames: [],
  sent: 0,
  settled: 0,
  inFlightBytes: 0,
  lastId: 0,
  sentBeforeId: 0,
  reading: false,
  more: false,
  congested: false,
  probe: undefined,
  repeatTold: false,
  progressAt: 0,
  refusedIds: new Set(),
};

/** The session after an event at `now` (milliseconds, monotonic), and what is to be done about it, in order. */
export function stepProducer<Type extends keyof ProducerEventMap>(
  session: ProducerSession,
  event: EventOf<ProducerEventMap, Type>,
  now: number,
): Step {
  return table[session.phase][event.type](session, event, now);
}

const stay = (session: ProducerSession): Step => ({ session, actions: [] });

/** State by event. This is what runs, not a copy of it. */
const table: StateTable<ProducerPhase, ProducerSession, ProducerEventMap, Step, [now: number]> = {
  down: {
    opened: open,
    lost: stay,
    appended: stay,
    congested: stay,
    drained: stay,
    confirmed: stay,
    readings: stay,
    ack: stay,
    repeat: stay,
    error: stay,
    tick: stay,
  },
  up: {
    opened: open,
    lost: lose,
    appended: append,
    congested: congest,
    drained: drain,
    confirmed: stay,
    readings: take,
    ack: acknowledge,
    repeat,
    error: refuse,
    tick: watch,
  },
  quiet: {
    opened: open,
    lost: lose,
    appended: append,
    congested: congest,
    drained: drain,
    confirmed: stay,
    readings: stay,
    ack: acknowledge,
    repeat,
    error: refuse,
    tick: watch,
  },
  probing: {
    opened: open,
    lost: lose,
    appended: append,
    congested: congest,
    drained: drain,
    confirmed: stay,
    readings: stay,
    ack: acknowledge,
    repeat,
    error: refuse,
    tick: watch,
  },
  confirming: {
    opened: open,
    lost: lose,
    appended: append,
    congested: congest,
    drained: drain,
    confirmed: confirm,
    readings: stay,
    ack: acknowledge,
    repeat,
    error: refuse,
    tick: watch,
  },
  renumbering: {
    opened: open,
    lost: lose,
    appended: stay,
    congested: stay,
    drained: stay,
    confirmed: stay,
    readings: stay,
    ack: stay,
    repeat: stay,
    error: stay,
    tick: stay,
  },
};

/** Readings sent on this connection and not settled. */
export function inFlight(session: ProducerSession): number {
  return session.phase === 'down' ? 0 : session.sent - session.settled;
}

function open({ connection, refusedIds, sentBeforeId, lastId }: ProducerSession): Step {
  const kept = { refusedIds, sentBeforeId: Math.max(sentBeforeId, lastId), connection: connection + 1 };
  return readOn({ ...newProducerSession, ...kept, phase: 'up', more: true });
}

function lose(session: ProducerSession): Step {
  return stay({ ...session, phase: 'down', frames: [], inFlightBytes: 0, probe: undefined });
}

function append(session: ProducerSession): Step {
  return readOn({ ...session, more: true });
}

function congest(session: ProducerSession): Step {
  return stay({ ...session, congested: true });
}

function drain(session: ProducerSession): Step {
  return readOn({ ...session, congested: false });
}

function confirm(session: ProducerSession): Step {
  return readOn({ ...session, phase: 'up', probe: undefined });
}

/** Cuts a link on which the server has settled nothing for too long. */
function watch(session: ProducerSession, _: object, now: number): Step {
  const isStuck = session.frames.length > 0 && now - session.progressAt > sendLimits.progressTimeoutMs;
  return { session, actions: isStuck ? [{ type: 'cut' }] : [] };
}

function readOn(session: ProducerSession): Step {
  const { phase, reading, more, congested, frames, inFlightBytes, connection, lastId } = session;
  const readings = Math.min(sendLimits.readingsPerFrame, sendLimits.readingsInFlight - inFlight(session));
  const full = readings <= 0 || inFlightBytes >= sendLimits.bytesInFlight || frames.length >= sendLimits.framesInFlight;
  if (phase !== 'up' || reading || !more || congested || full) return stay(session);
  const read = { type: 'read', connection, afterId: lastId, limit: readings, maxBytes: sendLimits.frameBytes } as const;
  // What is appended while the queue is being read sets `more` again.
  return { session: { ...session, reading: true, more: false }, actions: [read] };
}

/** Readings came from the queue: sends them, or the first alone. */
function take(before: ProducerSession, event: ProducerEventMap['readings'], now: number): Step {
  const { connection, readings, numberings } = event;
  if (connection !== before.connection) return stay(before);
  const session = { ...before, reading: false };
  const first = readings[0];
  if (!first) return readOn(session);
  const isUnconfirmed = (reading: QueuedReading) =>
    reading.numbered && numberings.get(reading.deviceId)?.confirmed === false;
  const goesAlone = (reading: QueuedReading) => isUnconfirmed(reading) || (reading.numbered && session.sent === 0);
  if (!goesAlone(first)) {
    const end = readings.findIndex(goesAlone);
    return sendFrame(session, end === -1 ? readings : readings.slice(0, end), numberings, now);
  }
  if (session.frames.length > 0) return stay({ ...session, more: true, phase: 'quiet' });
  // A connection tells one repeat only. Once told, it could not tell that this reading is one.
  if (session.repeatTold) return { session: { ...session, more: true }, actions: [{ type: 'reconnect' }] };
  const probe: Probe = { reading: first, confirmed: !isUnconfirmed(first), refused: false };
  return sendFrame({ ...session, phase: 'probing', probe }, [first], numberings, now);
}

function sendFrame(
  session: ProducerSession,
  readings: readonly QueuedReading[],
  numberings: ReadonlyMap<string, Numbering>,
  now: number,
): Step {
  const frame: SentFrame = { first: session.sent + 1, readings, numberings };
  const next = readOn({
    ...session,
    frames: [...session.frames, frame],
    sent: session.sent + readings.length,
    inFlightBytes: session.inFlightBytes + totalBytes(readings),
    lastId: readings.at(-1)?.id ?? session.lastId,
    more: true,
    progressAt: session.frames.length === 0 ? now : session.progressAt,
  });
  return { session: next.session, actions: [{ type: 'send', readings }, ...next.actions] };
}

function refuse(session: ProducerSession, error: Frame<'error'>): Step {
  const reading = error.reading === undefined ? undefined : readingAt(session, error.reading);
  if (!reading) return { session, actions: [{ type: 'error', frame: { ...error, type: 'error' } }] };
  const { probe } = session;
  const refused = {
    ...session,
    refusedIds: new Set(session.refusedIds).add(reading.id),
    probe: probe?.reading.id === reading.id ? { ...probe, refused: true } : probe,
  };
  const isNew = !session.refusedIds.has(reading.id);
  const { kind, detail } = error;
  return { session: refused, actions: isNew ? [{ type: 'refused', reading, kind, detail }] : [] };
}

function acknowledge(session: ProducerSession, { through }: Frame<'ack'>, now: number): Step {
  if (through > session.sent) return { session, actions: [{ type: 'cut' }] };
  const readings = session.frames.flatMap(({ first, readings }) =>
    readings.slice(Math.max(session.settled + 1 - first, 0), Math.max(through + 1 - first, 0)),
  );
  const last = readings.at(-1);
  if (!last) return stay(session);
  const frames = session.frames.filter((frame) => frame.first + frame.readings.length - 1 > through);
  const { phase, probe } = session;
  const probed = phase === 'probing' ? probe : undefined;
  // A refused reading was not stored, so it says nothing about the numbering.
  const confirms = probed && !probed.confirmed && !probed.refused;
  const isQuiet = phase === 'quiet' && frames.length === 0;
  const next: ProducerSession = {
    ...session,
    frames,
    settled: through,
    inFlightBytes: session.inFlightBytes - totalBytes(readings),
    progressAt: now,
    phase: confirms ? 'confirming' : probed || isQuiet ? 'up' : phase,
    probe: confirms ? probed : undefined,
    refusedIds: above(session.refusedIds, last.id),
  };
  const actions: ProducerAction[] = [];
  // First of all on disk: were the reading removed and the numbering not confirmed, a crash would lose nothing; were
  // more sent before it is confirmed, a later repeat could be taken for a lost disk.
  if (confirms) actions.push({ type: 'confirm', deviceId: probed.reading.deviceId });
  actions.push({ type: 'settled', readings, throughId: last.id });
  const more = readOn(next);
  return { session: more.session, actions: [...actions, ...more.actions] };
}

function repeat(session: ProducerSession, { device_id: deviceId, sequence }: Frame<'repeat'>): Step {
  const renumber = isAheadOfUs(session, deviceId, sequence);
  const next: ProducerSession = { ...session, repeatTold: true, phase: renumber ? 'renumbering' : session.phase };
  return { session: next, actions: [{ type: 'repeat', deviceId, sequence, renumber }] };
}

/** Whether the server has a number stored that this queue cannot have sent. */
function isAheadOfUs(session: ProducerSession, deviceId: string, sequence: number): boolean {
  const { probe } = session;
  if (probe && !probe.confirmed && probe.reading.deviceId === deviceId) {
    const ours = probe.reading.sequence ?? sequence;
    // The number alone does not tell whether the server has this reading or another, but having never sent it does.
    return probe.reading.id > session.sentBeforeId ? sequence >= ours : sequence > ours;
  }
  const inFlightHere = session.frames.findLast(({ readings }) =>
    readings.some((reading) => reading.numbered && reading.deviceId === deviceId),
  );
  const last = inFlightHere?.numberings.get(deviceId)?.last;
  return last !== undefined && sequence > last;
}

function readingAt(session: ProducerSession, place: number): QueuedReading | undefined {
  const frame = session.frames.findLast(({ first }) => first <= place);
  return frame && place > session.settled ? frame.readings[place - frame.first] : undefined;
}

function totalBytes(readings: readonly QueuedReading[]): number {
  return readings.reduce((sum, reading) => sum + encodedBytes(reading), 0);
}

function above(ids: ReadonlySet<number>, throughId: number): ReadonlySet<number> {
  return ids.size === 0 ? ids : new Set([...ids].filter((id) => id > throughId));
}
