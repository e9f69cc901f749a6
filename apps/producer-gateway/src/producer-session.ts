import { fullBucket, type Rate, type TokenBucket } from '@motience/gateway-kit';

/** A reading that waits to be stored. */
export interface PendingReading {
  deviceId: string;
  sequence: number | undefined;
  /** Its text up to where its `seq` goes. */
  body: string;
}

/** The same, with how many bytes its body has. */
interface QueuedReading extends PendingReading {
  bytes: number;
}

/**
 * What one connection of a producer has sent and what became of it. Readings count 1, 2, 3 … in the order they came;
 * those up to `settled` are acknowledged. Kept apart from the socket: plain state, and functions over it.
 */
export interface ProducerSession {
  readonly producerId: string;
  received: number;
  settled: number;
  pending: QueuedReading[];
  pendingBytes: number;
  /** Bytes handed to a flush that has not come back. */
  flushingBytes: number;
  /** The last `sequence` queued per device, so that a repeat within the connection is seen before it is stored. */
  readonly lastQueued: Map<string, number>;
  /** The first repeat, until it is told; `sequence` is stored for sure once readings up to `after` are settled. */
  repeat: { deviceId: string; sequence: number; after: number } | 'told' | undefined;
  readonly bucket: TokenBucket;
  /** Nothing that comes from now on is taken, because something before it was not stored. */
  isOver: boolean;
}

export function startSession(producerId: string, rate: Rate, now: number): ProducerSession {
  return {
    producerId,
    received: 0,
    settled: 0,
    pending: [],
    pendingBytes: 0,
    flushingBytes: 0,
    lastQueued: new Map(),
    repeat: undefined,
    bucket: fullBucket(rate, now),
    isOver: false,
  };
}

/** Queues a reading for the next flush; one whose `sequence` this connection has passed already is only counted. */
export function queueReading(session: ProducerSession, reading: PendingReading): void {
  const { deviceId, sequence, body } = reading;
  if (sequence !== undefined) {
    const last = session.lastQueued.get(deviceId);
    if (last !== undefined && sequence <= last) {
      noteRepeat(session, { deviceId, sequence: last, after: session.received });
      return;
    }
    session.lastQueued.set(deviceId, sequence);
  }
  const bytes = Buffer.byteLength(body);
  session.pending.push({ deviceId, sequence, body, bytes });
  session.pendingBytes += bytes;
}

type Repeat = Exclude<ProducerSession['repeat'], 'told' | undefined>;

/** Remembers the first repeat of the connection, or rather the one that can be told first. */
export function noteRepeat(session: ProducerSession, repeat: Repeat): void {
  if (session.repeat === 'told') return;
  if (!session.repeat || repeat.after < session.repeat.after) session.repeat = repeat;
}

/** The repeat that is to be told now, if there is one; once per connection. */
export function takeRepeat(session: ProducerSession): Repeat | undefined {
  const { repeat } = session;
  if (repeat === undefined || repeat === 'told' || repeat.after > session.settled) return undefined;
  session.repeat = 'told';
  return repeat;
}

/** What a flush takes along of one session. `through` is settled when it comes back. */
export interface FlushPart {
  session: ProducerSession;
  readings: QueuedReading[];
  bytes: number;
  through: number;
}

/**
 * Takes what waits: at most `maxReadings` of it, and none after `maxBytes`. What was refused or repeated settles together
 * with what precedes it.
 */
export function takePending(session: ProducerSession, maxReadings: number, maxBytes: number): FlushPart {
  let count = 0;
  let bytes = 0;
  for (const reading of session.pending) {
    if (count >= maxReadings || bytes >= maxBytes) break;
    count += 1;
    bytes += reading.bytes;
  }
  const readings = session.pending.slice(0, count);
  session.pending = session.pending.slice(count);
  session.pendingBytes -= bytes;
  session.flushingBytes += bytes;
  // With some left behind, only as many as were taken are sure to precede them.
  const through = session.pending.length === 0 ? session.received : session.settled + count;
  return { session, readings, bytes, through };
}

/** Settles what a flush stored. */
export function settle({ session, bytes, through }: FlushPart): void {
  session.flushingBytes -= bytes;
  session.settled = Math.max(session.settled, through);
}

/** Gives up all that is not settled, because something of it was not stored: no later flush may settle it. */
export function abandon(session: ProducerSession): void {
  session.isOver = true;
  session.received = session.settled;
  session.pending = [];
  session.pendingBytes = 0;
}

/** The bound that is reached on what is unacknowledged, in words; undefined if none is. */
export function exceededBound(
  session: ProducerSession,
  bounds: { unacknowledgedReadings: number; unacknowledgedBytes: number },
): string | undefined {
  if (session.received - session.settled > bounds.unacknowledgedReadings) {
    return `more than ${bounds.unacknowledgedReadings} readings unacknowledged`;
  }
  if (session.pendingBytes + session.flushingBytes > bounds.unacknowledgedBytes) {
    return `more than ${bounds.unacknowledgedBytes} bytes unacknowledged`;
  }
  return undefined;
}
