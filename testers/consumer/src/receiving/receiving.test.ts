import type { DeliveredReading } from '@motience/protocol';
import { describe, expect, it } from 'vitest';
import { filterFor } from '../readings/filter.ts';
import { LatencyMeter, latencyOf } from './latency.ts';
import { LiveFeed } from './live-feed.ts';
import { ReadingStore } from './reading-store.ts';

const everything = () => true;

function reading(seq: number, more: Partial<DeliveredReading> = {}): DeliveredReading {
  return {
    producer_id: '7',
    device_id: 'rpi_001',
    timestamp: '2025-01-29T11:35:00Z',
    data: { temperature: seq },
    seq,
    ...more,
  };
}

describe('ReadingStore', () => {
  it('keeps the newest within a number of readings, and counts all', () => {
    const store = new ReadingStore({ readings: 3, characters: 1_000 });
    for (let seq = 1; seq <= 10; seq += 1) store.add(0, reading(seq), `text ${seq}`);
    expect(store.total).toBe(10);
    expect(store.size).toBe(3);
    expect(store.newest(10, everything).map(({ reading: { seq } }) => seq)).toEqual([10, 9, 8]);
    expect(store.toJsonLines()).toEqual(['text 8\n', 'text 9\n', 'text 10\n']);
  });

  it('keeps the newest within a number of characters, however large one is', () => {
    const store = new ReadingStore({ readings: 100, characters: 10 });
    store.add(0, reading(1), 'aaaaaa');
    store.add(0, reading(2), 'bbbbbb');
    expect(store.toJsonLines()).toEqual(['bbbbbb\n']);
    store.add(0, reading(3), 'c'.repeat(50));
    expect(store.size).toBe(1);
  });

  it('shows what was there up to a reading, also while newer ones come', () => {
    const store = new ReadingStore();
    for (let seq = 1; seq <= 5; seq += 1) store.add(0, reading(seq), '');
    expect(store.newest(2, everything, 3).map(({ reading: { seq } }) => seq)).toEqual([3, 2]);
  });
});

describe('latency', () => {
  it('is from the timestamp to now, whatever way the timestamp is written', () => {
    const now = Date.parse('2025-01-29T11:35:02Z');
    for (const timestamp of ['2025-01-29T11:35:00Z', '2025-01-29 12:35:00+01:00', '2025-01-29t11:35:00z']) {
      expect(latencyOf(timestamp, now)).toBe(2_000);
    }
    expect(latencyOf('2016-12-31T23:59:60Z', now)).toBeUndefined();
  });

  it('is not moved by one late reading', () => {
    const meter = new LatencyMeter();
    expect(meter.median).toBeUndefined();
    for (const ms of [10, 11, 12, 900_000, 10]) meter.add(ms);
    expect(meter.median).toBe(11);
  });
});

describe('filterFor', () => {
  const stored = {
    number: 1,
    receivedAt: 0,
    reading: reading(1),
    text: '{"device_id":"rpi_001","data":{"Temp":24.3}}',
  };
  const matches = (text: string) => filterFor(text, () => 'Greenhouse')(stored);

  it('looks for every word in the producer, the device and the data, whatever the case', () => {
    for (const text of ['', '  ', 'green', 'RPI', '24.3', 'temp greenhouse']) expect(matches(text)).toBe(true);
    for (const text of ['blue', 'green blue']) expect(matches(text)).toBe(false);
  });
});

describe('LiveFeed', () => {
  const now = { epochMs: Date.parse('2025-01-29T11:35:00.100Z'), monotonicMs: 5_000 };

  it('counts for each stream on its own', () => {
    const feed = new LiveFeed();
    feed.receive(reading(1), '', now, 'd');
    feed.receive(reading(2), '', now, 'd');
    feed.receive(reading(9, { producer_id: '8' }), '', now, 'd');
    feed.missing('8', 3);
    expect(feed.stream('7')).toMatchObject({ received: 2, missing: 0, lastSeq: 2 });
    expect(feed.stream('8')).toMatchObject({ received: 1, missing: 3, lastSeq: 9 });
    expect(feed.latency.median).toBe(100);
    expect(feed.fields.charts(now.epochMs)[0]).toMatchObject({ path: 'temperature', series: [{ latest: 9 }] });
  });
});
