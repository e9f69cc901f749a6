import type { ConsumerRecord, ReadingPlace } from '../checker/reading-place.ts';

/** Numbers per reading. */
const width = 6;

type Control = Exclude<ConsumerRecord, { kind: 'reading' }>;

/**
 * What a consumer got of one stream, in order, and when: 48 bytes per reading, so that millions can be kept.
 */
export class StreamJournal {
  private readonly controls: { before: number; record: Control }[] = [];
  private readonly names: string[] = [];
  private readonly numberOf = new Map<string, number>();
  private columns = new Float64Array(width * 1024);
  private count = 0;
  private named = 0;

  get readings(): number {
    return this.count;
  }

  /** Readings that came or were named in gaps. */
  get dealtWith(): number {
    return this.count + this.named;
  }

  addReading({ epoch, seq, deviceId, sequence, checksum }: ReadingPlace): void {
    const at = this.count * width;
    if (at === this.columns.length) {
      const grown = new Float64Array(this.columns.length * 2);
      grown.set(this.columns);
      this.columns = grown;
    }
    const [epochNumber, deviceNumber] = [this.number(epoch), this.number(deviceId)];
    this.columns.set([epochNumber, seq, deviceNumber, sequence, checksum ?? -1, performance.now()], at);
    this.count += 1;
  }

  addControl(record: Control): void {
    this.controls.push({ before: this.count, record });
    if (record.kind === 'gap') this.named += record.to - record.from + 1;
  }

  *[Symbol.iterator](): Iterator<ConsumerRecord> {
    let control = 0;
    for (let at = 0; at <= this.count; at += 1) {
      for (; this.controls[control]?.before === at; control += 1) {
        const next = this.controls[control];
        if (next) yield next.record;
      }
      if (at === this.count) return;
      const [epoch = 0, seq = 0, device = 0, sequence = 0, checksum = 0] = this.columns.subarray(
        at * width,
        (at + 1) * width,
      );
      yield {
        kind: 'reading',
        epoch: this.names[epoch] ?? '',
        seq,
        deviceId: this.names[device] ?? '',
        sequence,
        checksum: checksum === -1 ? undefined : checksum,
      };
    }
  }

  /** The places of all readings, and when each came, in ms of the monotonic clock. */
  *arrivals(): Iterable<{ epoch: string; seq: number; atMs: number }> {
    for (let at = 0; at < this.count; at += 1) {
      const [epoch = 0, seq = 0, , , , atMs = 0] = this.columns.subarray(at * width, (at + 1) * width);
      yield { epoch: this.names[epoch] ?? '', seq, atMs };
    }
  }

  private number(name: string): number {
    const known = this.numberOf.get(name);
    if (known !== undefined) return known;
    this.numberOf.set(name, this.names.length);
    return this.names.push(name) - 1;
  }
}
