import type { SentByDevice } from '../checker/reading-place.ts';

/** Readings 1, 2, 3 … of several devices in turn, as one socket sends them. */
export class SentItems {
  constructor(private readonly deviceIds: readonly [string, ...string[]]) {}

  /** The frame of reading `item`; the same whenever it is sent. */
  reading(item: number): object {
    const at = (item - 1) % this.deviceIds.length;
    const sequence = Math.floor((item - 1) / this.deviceIds.length) + 1;
    return {
      device_id: this.deviceIds[at],
      timestamp: '2025-01-29T11:35:00Z',
      data: { value: sequence, note: notes[item % notes.length] },
      sequence,
    };
  }

  /** What was sent per device, when readings 1…`sent` were sent and 1…`acknowledged` acknowledged. */
  perDevice(acknowledged: number, sent: number): SentByDevice[] {
    const share = (items: number, at: number) =>
      Math.max(0, Math.floor((items + this.deviceIds.length - 1 - at) / this.deviceIds.length));
    return this.deviceIds.map((deviceId, at) => ({
      deviceId,
      acknowledged: share(acknowledged, at),
      sent: share(sent, at),
    }));
  }
}

/** Texts that encoders like to change, and some length. */
const notes = [
  'plain',
  'é 🛰 \u2028 "quoted" \\ /',
  '{"seq":1,"sequence":2}',
  'x'.repeat(300),
  ',"seq":7}',
  '',
  'tab\tline\n',
];
