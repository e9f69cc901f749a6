import { describe, expect, it } from 'vitest';
import { parseReadings, readingBody, readingTail } from '../../../packages/protocol/dist/index.js';
import type { ConsumerRecord } from '../checker/reading-place.ts';
import { bodyChecksum, readFrame } from './read-frame.ts';
import { SentItems } from './sent-items.ts';
import { StreamJournal } from './stream-journal.ts';

describe('a journal', () => {
  it('gives back what was written into it, in order, also when it had to grow', () => {
    const records: ConsumerRecord[] = [{ kind: 'subscribed', epoch: 'a', seq: 0, recovered: true }];
    for (let seq = 1; seq <= 3_000; seq += 1) {
      const checksum = seq % 3 === 0 ? undefined : 2 ** 32 - seq;
      records.push({
        kind: 'reading',
        epoch: seq < 9 ? 'a' : 'b',
        seq,
        deviceId: `d${seq % 2}`,
        sequence: 7,
        checksum,
      });
      if (seq % 1_000 === 0) records.push({ kind: 'gap', epoch: 'b', from: seq, to: seq + 1 });
      if (seq % 1_000 === 0) records.push({ kind: 'position', epoch: 'b', seq });
    }
    const journal = new StreamJournal();
    for (const record of records) {
      if (record.kind === 'reading') journal.addReading(record);
      else journal.addControl(record);
    }
    expect([...journal]).toEqual(records);
    expect(journal.readings).toBe(3_000);
    expect(journal.dealtWith).toBe(3_006);
    const arrivals = [...journal.arrivals()];
    expect(arrivals.map(({ epoch, seq }) => ({ epoch, seq }))).toEqual(
      records.flatMap((record) => (record.kind === 'reading' ? [{ epoch: record.epoch, seq: record.seq }] : [])),
    );
    const times = arrivals.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(times[0]).toBeGreaterThan(0);
  });
});

describe('what a socket sends', () => {
  const items = new SentItems(['a', 'b', 'c']);

  it('numbers the readings of each device from 1 on, in turn', () => {
    const sent = [1, 2, 3, 4, 5].map((item) => items.reading(item));
    expect(sent).toMatchObject([
      { device_id: 'a', sequence: 1 },
      { device_id: 'b', sequence: 1 },
      { device_id: 'c', sequence: 1 },
      { device_id: 'a', sequence: 2 },
      { device_id: 'b', sequence: 2 },
    ]);
    expect(items.reading(4)).toEqual(items.reading(4));
  });

  it('is counted per device', () => {
    expect(items.perDevice(0, 2)).toEqual([
      { deviceId: 'a', acknowledged: 0, sent: 1 },
      { deviceId: 'b', acknowledged: 0, sent: 1 },
      { deviceId: 'c', acknowledged: 0, sent: 0 },
    ]);
    expect(items.perDevice(4, 6)).toEqual([
      { deviceId: 'a', acknowledged: 2, sent: 2 },
      { deviceId: 'b', acknowledged: 1, sent: 2 },
      { deviceId: 'c', acknowledged: 1, sent: 2 },
    ]);
  });

  it('is known again in the frame that a consumer gets and in the stored body, whatever is in it', () => {
    for (let item = 1; item <= 20; item += 1) {
      const [parsed] = parseReadings(JSON.stringify(items.reading(item)));
      if (!parsed || 'refused' in parsed) throw new Error(`reading ${item} is not valid`);
      const body = readingBody('5', parsed);
      expect(readFrame(Buffer.from(body + readingTail(77)))).toEqual({
        reading: {
          producerId: '5',
          deviceId: parsed.deviceId,
          sequence: parsed.sequence,
          seq: 77,
          checksum: bodyChecksum(body),
        },
      });
    }
  });
});
