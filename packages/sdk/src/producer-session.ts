import type { ProducerDownFrame } from '@motience/protocol';
import { encodedBytes } from './encode-readings.ts';
import type { Numbering, QueuedReading } from './reading-queue.ts';

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
  phase: 'down' | 'up' | 'renumbering';
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
  /** The reading that was sent alone; nothing follows until it is settled and its numbering is confirmed. */
  probe: Probe | undefined;
  /** Whether the next reading has to wait until nothing is in flight. */
  awaitsQuiet: boolean;
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
  stage: 'sent' | 'confirming';
  confirmed: boolean;
  refused: boolean;
}

export type ProducerEvent =
  | { type: 'opened' | 'lost' | 'appended' | 'congested' | 'drained' | 'confirmed' }
  | { type: 'readings'; connection: number; readings: QueuedReading[]; numberings: ReadonlyMap<string, Numbering> }
  | { type: 'frame'; frame: ProducerDownFrame }
  | { type: 'tick' };

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
  awaitsQuiet: false,
  repeatTold: false,
  progressAt: 0,
  refusedIds: new Set(),
};

/** The session after an event at `now` (milliseconds, monotonic), and what is to be done about it, in order. */
export function stepProducer(session: ProducerSession, event: ProducerEvent, now: number): Step {
  switch (event.type) {
    case 'opened': {
      const { connection, refusedIds } = session;
      const sentBeforeId = Math.max(session.sentBeforeId, session.lastId);
      const kept = { refusedIds, sentBeforeId, connection: connection + 1 };
      return readOn({ ...newProducerSession, ...kept, phase: 'up', more: true });
    }
    case 'lost':
      return { session: { ...session, phase: 'down', frames: [], inFlightBytes: 0, probe: undefined }, actions: [] };
    case 'appended':
      return readOn({ ...session, more: true });
    case 'congested':
      return { session: { ...session, congested: true }, actions: [] };
    case 'drained':
      return readOn({ ...session, congested: false });
    case 'confirmed':
      return session.probe?.stage === 'confirming'
        ? readOn({ ...session, probe: undefined })
        : { session, actions: [] };
    case 'readings':
      return session.phase === 'up' && event.connection === session.connection
        ? send({ ...session, reading: false }, event.readings, event.numberings, now)
        : { session, actions: [] };
    case 'frame':
      return session.phase === 'up' ? receive(session, event.frame, now) : { session, actions: [] };
    case 'tick': {
      const stuck = session.frames.length > 0 && now - session.progressAt > sendLimits.progressTimeoutMs;
      return { session, actions: stuck && session.phase === 'up' ? [{ type: 'cut' }] : [] };
    }
  }
}

/** Readings sent on this connection and not settled. */
export function inFlight(session: ProducerSession): number {
  return session.phase === 'down' ? 0 : session.sent - session.settled;
}

function readOn(session: ProducerSession): Step {
  const { phase, reading, more, congested, probe, awaitsQuiet, frames, inFlightBytes, connection, lastId } = session;
  const readings = Math.min(sendLimits.readingsPerFrame, sendLimits.readingsInFlight - inFlight(session));
  const full = readings <= 0 || inFlightBytes >= sendLimits.bytesInFlight || frames.length >= sendLimits.framesInFlight;
  if (phase !== 'up' || reading || !more || congested || probe || awaitsQuiet || full) return { session, actions: [] };
  const read = { type: 'read', connection, afterId: lastId, limit: readings, maxBytes: sendLimits.frameBytes } as const;
  // What is appended while the queue is being read sets `more` again.
  return { session: { ...session, reading: true, more: false }, actions: [read] };
}

function send(
  session: ProducerSession,
  readings: readonly QueuedReading[],
  numberings: ReadonlyMap<string, Numbering>,
  now: number,
): Step {
  const first = readings[0];
  if (!first) return readOn(session);
  const isUnconfirmed = (reading: QueuedReading) =>
    reading.numbered && numberings.get(reading.deviceId)?.confirmed === false;
  const goesAlone = (reading: QueuedReading) => isUnconfirmed(reading) || (reading.numbered && session.sent === 0);
  if (!goesAlone(first)) {
    const end = readings.findIndex(goesAlone);
    return sendFrame(session, end === -1 ? readings : readings.slice(0, end), numberings, now);
  }
  if (session.frames.length > 0) return { session: { ...session, more: true, awaitsQuiet: true }, actions: [] };
  // A connection tells one repeat only. Once told, it could not tell that this reading is one.
  if (session.repeatTold) return { session: { ...session, more: true }, actions: [{ type: 'reconnect' }] };
  const probe: Probe = { reading: first, stage: 'sent', confirmed: !isUnconfirmed(first), refused: false };
  return sendFrame({ ...session, probe }, [first], numberings, now);
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

function receive(session: ProducerSession, frame: ProducerDownFrame, now: number): Step {
  switch (frame.type) {
    case 'ack':
      return acknowledge(session, frame.through, now);
    case 'repeat':
      return repeat(session, frame.device_id, frame.sequence);
    case 'error': {
      const reading = frame.reading === undefined ? undefined : readingAt(session, frame.reading);
      if (!reading) return { session, actions: [{ type: 'error', frame }] };
      const { probe } = session;
      const refused = {
        ...session,
        refusedIds: new Set(session.refusedIds).add(reading.id),
        probe: probe?.reading.id === reading.id ? { ...probe, refused: true } : probe,
      };
      const isNew = !session.refusedIds.has(reading.id);
      const { kind, detail } = frame;
      return { session: refused, actions: isNew ? [{ type: 'refused', reading, kind, detail }] : [] };
    }
  }
}

function acknowledge(session: ProducerSession, through: number, now: number): Step {
  if (through > session.sent) return { session, actions: [{ type: 'cut' }] };
  const readings = session.frames.flatMap(({ first, readings }) =>
    readings.slice(Math.max(session.settled + 1 - first, 0), Math.max(through + 1 - first, 0)),
  );
  const last = readings.at(-1);
  if (!last) return { session, actions: [] };
  const frames = session.frames.filter((frame) => frame.first + frame.readings.length - 1 > through);
  const { probe } = session;
  const probed = probe?.stage === 'sent' && last.id >= probe.reading.id ? probe : undefined;
  // A refused reading was not stored, so it says nothing about the numbering.
  const confirms = probed && !probed.confirmed && !probed.refused;
  const next: ProducerSession = {
    ...session,
    frames,
    settled: through,
    inFlightBytes: session.inFlightBytes - totalBytes(readings),
    awaitsQuiet: session.awaitsQuiet && frames.length > 0,
    progressAt: now,
    probe: confirms ? { ...probed, stage: 'confirming' } : probed ? undefined : probe,
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

function repeat(session: ProducerSession, deviceId: string, sequence: number): Step {
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
