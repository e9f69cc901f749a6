import { timestampStart } from '@motience/protocol';
import { type RetainedBatch, visitReadings } from '@motience/stream-log';

/** A batch and whose it is. */
export interface StreamBatch extends RetainedBatch {
  producerId: string;
}

/** What came of a stream in one minute, or in part of it. */
export interface StreamMinute {
  producerId: string;
  /** Its beginning, in ms since 1970. */
  minuteMs: number;
  readings: number;
  /** Of the readings' bodies. */
  bytes: number;
  firstReceivedAtMs: number;
  lastReceivedAtMs: number;
  /** Bit s is set if a reading was received in second s of the minute. */
  heardSeconds: bigint;
  latencyChecked: number;
  latencyReadings: number;
  latencySumMs: number;
  latencyMaxMs: number;
  /** When a reading of each device was received last. */
  devices: Map<string, number>;
}

const minuteLengthMs = 60_000;
/** Of each batch, evenly spread: taking every timestamp apart would be dear. */
const timestampsPerBatch = 16;
/** Clocks are not that exact: a reading that seems to come so little from the future took no time. */
const clockToleranceMs = 1_000;
/** What is older was not sent when it was made. */
const longestLatencyMs = 86_400_000;
const quote = 0x22;

/** What batches add to the minutes they were received in, by stream and then by time. */
export function minutesOf(batches: readonly StreamBatch[]): StreamMinute[] {
  const minutes = new Map<string, StreamMinute>();
  for (const batch of batches) {
    const { producerId, retainedAtMs } = batch;
    const minuteMs = retainedAtMs - (retainedAtMs % minuteLengthMs);
    const key = `${producerId} ${minuteMs}`;
    const minute = minutes.get(key) ?? emptyMinute(producerId, minuteMs, retainedAtMs);
    minutes.set(key, minute);
    addBatch(minute, batch);
  }
  return [...minutes.values()].sort(
    (one, other) => Number(BigInt(one.producerId) - BigInt(other.producerId)) || one.minuteMs - other.minuteMs,
  );
}

function emptyMinute(producerId: string, minuteMs: number, receivedAtMs: number): StreamMinute {
  return {
    producerId,
    minuteMs,
    readings: 0,
    bytes: 0,
    firstReceivedAtMs: receivedAtMs,
    lastReceivedAtMs: receivedAtMs,
    heardSeconds: 0n,
    latencyChecked: 0,
    latencyReadings: 0,
    latencySumMs: 0,
    latencyMaxMs: 0,
    devices: new Map(),
  };
}

function addBatch(minute: StreamMinute, { producerId, batch, count, retainedAtMs }: StreamBatch): void {
  const everyNth = Math.ceil(count / timestampsPerBatch);
  let place = 0;
  visitReadings(batch, (deviceStart, deviceEnd, bodyStart, bodyEnd) => {
    minute.bytes += bodyEnd - bodyStart;
    minute.devices.set(batch.toString('latin1', deviceStart, deviceEnd), retainedAtMs);
    if (place % everyNth === 0) {
      const start = bodyStart + timestampStart(producerId, deviceEnd - deviceStart);
      const timestamp = batch.toString('latin1', start, batch.indexOf(quote, start));
      addLatency(minute, retainedAtMs - Date.parse(timestamp));
    }
    place += 1;
  });
  minute.readings += place;
  minute.firstReceivedAtMs = Math.min(minute.firstReceivedAtMs, retainedAtMs);
  minute.lastReceivedAtMs = Math.max(minute.lastReceivedAtMs, retainedAtMs);
  minute.heardSeconds |= 1n << BigInt(Math.floor((retainedAtMs - minute.minuteMs) / 1000));
}

/** One that is not a number is of a timestamp that JavaScript does not know, such as a leap second. */
function addLatency(minute: StreamMinute, latencyMs: number): void {
  minute.latencyChecked += 1;
  if (!(latencyMs >= -clockToleranceMs && latencyMs <= longestLatencyMs)) return;
  const taken = Math.max(0, Math.round(latencyMs));
  minute.latencyReadings += 1;
  minute.latencySumMs += taken;
  minute.latencyMaxMs = Math.max(minute.latencyMaxMs, taken);
}
