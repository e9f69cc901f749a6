import { readingBody } from '@motience/protocol';
import { BatchWriter } from '@motience/stream-log';
import { describe, expect, it } from 'vitest';
import { minutesOf, type StreamBatch } from './stream-minute.ts';

const noon = Date.UTC(2026, 2, 14, 12);

interface Part {
  producerId?: string;
  /** After noon. */
  receivedMs?: number;
  /** Of each reading: how much earlier than it was received it says it was made, or a timestamp. */
  made?: readonly (number | string)[];
  deviceIds?: readonly string[];
}

function batchOf({ producerId = '7', receivedMs = 0, made = [0], deviceIds = ['a'] }: Part): StreamBatch {
  const writer = new BatchWriter();
  const retainedAtMs = noon + receivedMs;
  for (const [place, at] of made.entries()) {
    const deviceId = deviceIds[place % deviceIds.length] ?? 'a';
    const timestamp = typeof at === 'string' ? at : new Date(retainedAtMs - at).toISOString();
    writer.add(deviceId, readingBody(producerId, { deviceId, timestamp, sequence: undefined, dataText: '{"é":1}' }));
  }
  const batch = Buffer.from(writer.bytes());
  const totals = { bytesBefore: 0, bytesThrough: writer.bodyBytes };
  return { producerId, epoch: 'one', firstSeq: 1, count: writer.count, ...totals, batch, retainedAtMs };
}

describe('the minutes of streams', () => {
  it('have one entry for each stream and minute, in order', () => {
    const minutes = minutesOf([
      batchOf({ producerId: '10', receivedMs: 61_000 }),
      batchOf({ producerId: '9', receivedMs: 59_999 }),
      batchOf({ producerId: '10', receivedMs: 0 }),
      batchOf({ producerId: '10', receivedMs: 119_999, made: [0, 0] }),
    ]);
    expect(minutes.map(({ producerId, minuteMs, readings }) => [producerId, minuteMs - noon, readings])).toEqual([
      ['9', 0, 1],
      ['10', 0, 1],
      ['10', 60_000, 3],
    ]);
  });

  it('say in which seconds something was received, and when first and last', () => {
    const [minute] = minutesOf([59_999, 0, 3_500, 3_999].map((receivedMs) => batchOf({ receivedMs })));
    expect(minute).toMatchObject({ firstReceivedAtMs: noon, lastReceivedAtMs: noon + 59_999 });
    expect(minute?.heardSeconds).toBe((1n << 59n) | (1n << 3n) | 1n);
  });

  it('count the bytes of bodies and nothing around them', () => {
    const [minute] = minutesOf([batchOf({ made: [0, 0], deviceIds: ['a', 'bcd'] })]);
    const length = (deviceId: string) =>
      Buffer.byteLength(
        readingBody('7', {
          deviceId,
          timestamp: new Date(noon).toISOString(),
          sequence: undefined,
          dataText: '{"é":1}',
        }),
      );
    expect(minute?.bytes).toBe(length('a') + length('bcd'));
  });

  it('know the devices and when each was heard of last', () => {
    const [minute] = minutesOf([
      batchOf({ made: [0, 0, 0], deviceIds: ['a', 'b'] }),
      batchOf({ receivedMs: 5_000, deviceIds: ['b'] }),
    ]);
    expect(minute?.devices).toEqual(
      new Map([
        ['a', noon],
        ['b', noon + 5_000],
      ]),
    );
  });
});

describe('the latency of a minute', () => {
  it('is from the timestamp of a reading, in whatever form, to when it was received', () => {
    const made = [100, '2026-03-14T12:59:59.800+01:00', '2026-03-14 11:59:59.900z'];
    expect(minutesOf([batchOf({ made })])[0]).toMatchObject({
      latencyChecked: 3,
      latencyReadings: 3,
      latencySumMs: 400,
      latencyMaxMs: 200,
    });
  });

  it('leaves out what cannot be one, and takes a clock a little ahead for no time', () => {
    const made = [-1_000, -1_001, 86_400_000, 86_400_001, '9999-12-31T23:59:59Z', '2026-03-14T23:59:60Z'];
    expect(minutesOf([batchOf({ made })])[0]).toMatchObject({
      latencyChecked: 6,
      latencyReadings: 2,
      latencySumMs: 86_400_000,
      latencyMaxMs: 86_400_000,
    });
  });

  it('is taken of 16 readings of a batch at most, from its first to nearly its last', () => {
    const made = Array.from({ length: 160 }, (_, place) => (place % 10 === 0 ? place : 1_000_000));
    expect(minutesOf([batchOf({ made })])[0]).toMatchObject({ latencyChecked: 16, latencyMaxMs: 150, readings: 160 });
  });
});
