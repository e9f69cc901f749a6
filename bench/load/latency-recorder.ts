import { createRequire } from 'node:module';
import type { Histogram } from 'hdr-histogram-js';
import type { Latency } from './plan.ts';
import { nowMicros } from './reading.ts';

// Its CommonJS build does not name its exports in a way that an import could read.
const { build }: typeof import('hdr-histogram-js') = createRequire(import.meta.url)('hdr-histogram-js');

const newHistogram = (): Histogram =>
  build({ highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3, autoResize: false });

/** Times from sending to delivery of the readings that were sent while it was on. */
export class LatencyRecorder {
  private histogram = newHistogram();
  private from = Number.POSITIVE_INFINITY;
  private until = Number.POSITIVE_INFINITY;

  get isOn(): boolean {
    return this.from !== Number.POSITIVE_INFINITY;
  }

  /** Readings sent from now on count; what was counted before is forgotten. */
  begin(): void {
    this.histogram = newHistogram();
    this.from = nowMicros();
    this.until = Number.POSITIVE_INFINITY;
  }

  /** Readings sent from now on do not count; those on the way still do. */
  end(): void {
    this.until = nowMicros();
  }

  record(sentMicros: number, deliveredMicros: number): void {
    if (sentMicros < this.from || sentMicros > this.until) return;
    this.histogram.recordValue(Math.max(1, Math.round(deliveredMicros - sentMicros)));
  }

  read(): Latency {
    const ms = (percentile: number) => this.histogram.getValueAtPercentile(percentile) / 1_000;
    return { count: this.histogram.totalCount, p50: ms(50), p99: ms(99), max: this.histogram.maxValue / 1_000 };
  }
}
