import type { DeliveredReading } from '@motience/protocol';
import { RateMeter } from '@motience/testers-kit';
import { FieldHistory, maxFields } from '../charts/field-history.ts';
import { numericFields } from '../charts/numeric-fields.ts';
import { LatencyMeter, latencyOf } from './latency.ts';
import { ReadingStore } from './reading-store.ts';

/** One producer's stream, as it arrives here. */
export interface StreamFigures {
  readonly rate: RateMeter;
  readonly latency: LatencyMeter;
  received: number;
  missing: number;
  lastSeq: number;
}

export interface Clock {
  /** Milliseconds since 1970. */
  epochMs: number;
  /** Milliseconds of a clock that never jumps. */
  monotonicMs: number;
}

const maxStreams = 1_000;

/** Everything shown of what is received: readings, figures per stream, numeric fields over time. All of it bounded. */
export class LiveFeed {
  readonly store = new ReadingStore();
  readonly fields = new FieldHistory();
  readonly rate = new RateMeter();
  readonly latency = new LatencyMeter();
  readonly #streams = new Map<string, StreamFigures>();

  /** `deviceLabel` names the device in charts. */
  receive(reading: DeliveredReading, text: string, now: Clock, deviceLabel: string): void {
    this.store.add(now.epochMs, reading, text);
    this.rate.add(now.monotonicMs);
    const latency = latencyOf(reading.timestamp, now.epochMs);
    if (latency !== undefined) this.latency.add(latency);
    const stream = this.stream(reading.producer_id);
    if (stream) {
      stream.received += 1;
      stream.lastSeq = reading.seq;
      stream.rate.add(now.monotonicMs);
      if (latency !== undefined) stream.latency.add(latency);
    }
    for (const { path, value } of numericFields(reading.data, maxFields)) {
      this.fields.add(now.epochMs, deviceLabel, path, value);
    }
  }

  missing(producerId: string, readings: number): void {
    const stream = this.stream(producerId);
    if (stream) stream.missing += readings;
  }

  /** Undefined past a bound no page needs. */
  stream(producerId: string): StreamFigures | undefined {
    const known = this.#streams.get(producerId);
    if (known || this.#streams.size >= maxStreams) return known;
    const made = { rate: new RateMeter(), latency: new LatencyMeter(), received: 0, missing: 0, lastSeq: 0 };
    this.#streams.set(producerId, made);
    return made;
  }

  clear(): void {
    this.store.clear();
    this.fields.clear();
  }
}
