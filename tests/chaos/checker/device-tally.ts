import type { FaultCounts } from './fault-counts.ts';
import type { SentByDevice } from './reading-place.ts';

const mostCounted = 255;

/** Which readings of one device came, and in which order. */
export class DeviceTally {
  private readonly times: Uint8Array;
  private highest = 0;
  private repeated = 0;
  private reordered = 0;
  private invented = 0;

  constructor(private readonly device: SentByDevice) {
    this.times = new Uint8Array(device.sent + 1);
  }

  /** Counts a reading that came. */
  add(sequence: number): void {
    const before = this.times[sequence];
    if (before === undefined || sequence < 1) {
      this.invented += 1;
      return;
    }
    this.times[sequence] = Math.min(before + 1, mostCounted);
    if (before > 0) this.repeated += 1;
    else if (sequence < this.highest) this.reordered += 1;
    this.highest = Math.max(this.highest, sequence);
  }

  /** What went wrong, when nothing more comes. `excused` says which readings were named as not coming. */
  result(excused: (sequence: number) => boolean = () => false): Partial<FaultCounts> {
    const { repeated, reordered, invented } = this;
    const first = this.times.findIndex((times) => times > 0);
    let [lostPrefix, lostMiddle, lostTail] = [0, 0, 0];
    for (let sequence = 1; sequence <= this.device.acknowledged; sequence += 1) {
      if (this.times[sequence] !== 0 || excused(sequence)) continue;
      if (first === -1 || sequence < first) lostPrefix += 1;
      else if (sequence > this.highest) lostTail += 1;
      else lostMiddle += 1;
    }
    return { lostPrefix, lostMiddle, lostTail, repeated, reordered, invented };
  }
}

/** The tallies of all devices of one stream. */
export class StreamTally {
  private readonly devices: ReadonlyMap<string, DeviceTally>;
  private strangers = 0;

  constructor(sent: readonly SentByDevice[]) {
    this.devices = new Map(sent.map((device) => [device.deviceId, new DeviceTally(device)]));
  }

  add(deviceId: string, sequence: number): void {
    const tally = this.devices.get(deviceId);
    if (tally) tally.add(sequence);
    else this.strangers += 1;
  }

  /** What went wrong per device; readings of unknown devices were sent by nobody. */
  results(excused: (deviceId: string, sequence: number) => boolean = () => false): Partial<FaultCounts>[] {
    const all = [...this.devices].map(([id, tally]) => tally.result((sequence) => excused(id, sequence)));
    return [...all, { invented: this.strangers }];
  }
}
