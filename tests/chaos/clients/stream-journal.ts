import type { ConsumerRecord, ReadingPlace } from '../checker/reading-place.ts';

type Control = Exclude<ConsumerRecord, { kind: 'reading' }>;

/**
 * What a consumer got of one stream, in order: 40 bytes per reading, so that millions can be kept.
 */
export class StreamJournal {
  private readonly controls: { before: number; record: Control }[] = [];
  private readonly names: string[] = [];
  private readonly numberOf = new Map<string, number>();
  private columns = new Float64Array(5 * 1024);
  private count = 0;

  get readings(): number {
    return this.count;
  }

  addReading({ epoch, seq, deviceId, sequence, checksum }: ReadingPlace): void {
    const at = this.count * 5;
    if (at === this.columns.length) {
      const grown = new Float64Array(this.columns.length * 2);
      grown.set(this.columns);
      this.columns = grown;
    }
    this.columns.set([this.number(epoch), seq, this.number(deviceId), sequence, checksum ?? -1], at);
    this.count += 1;
  }

  addControl(record: Control): void {
    this.controls.push({ before: this.count, record });
  }

  *[Symbol.iterator](): Iterator<ConsumerRecord> {
    let control = 0;
    for (let at = 0; at <= this.count; at += 1) {
      for (; this.controls[control]?.before === at; control += 1) {
        const next = this.controls[control];
        if (next) yield next.record;
      }
      if (at === this.count) return;
      const [epoch = 0, seq = 0, device = 0, sequence = 0, checksum = 0] = this.columns.subarray(at * 5, at * 5 + 5);
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

  private number(name: string): number {
    const known = this.numberOf.get(name);
    if (known !== undefined) return known;
    this.numberOf.set(name, this.names.length);
    return this.names.push(name) - 1;
  }
}
