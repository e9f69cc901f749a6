import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { readingBody } from '@motience/protocol';
import { BatchWriter, type UnpersistedRange } from '@motience/stream-log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SeenDevices } from './record-devices.ts';
import { storeReadings } from './store-readings.ts';

const noon = Date.UTC(2026, 2, 14, 12);
const latencyMs = 40;

let testDatabase: TestDatabase;
let database: Database;
let seen: SeenDevices;
beforeEach(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { maxConnections: 4 });
  seen = new SeenDevices();
});
afterEach(async () => {
  await database.close();
  await testDatabase.drop();
});

/** Readings of a stream: a batch for each time, in ms after noon, of `count` readings. */
function range(from: number, receivedMs: readonly number[], count = 1, producerId = '7'): UnpersistedRange {
  const batches = receivedMs.map((afterNoon, place) => {
    const writer = new BatchWriter();
    const timestamp = new Date(noon + afterNoon - latencyMs).toISOString();
    for (let at = 0; at < count; at += 1) {
      const deviceId = `device-${at % 2}`;
      writer.add(deviceId, readingBody(producerId, { deviceId, timestamp, sequence: undefined, dataText: '{}' }));
    }
    const firstSeq = from + place * count;
    const totals = { bytesBefore: 0, bytesThrough: writer.bodyBytes };
    const batch = Buffer.from(writer.bytes());
    return { epoch: 'one', firstSeq, count, ...totals, batch, retainedAtMs: noon + afterNoon };
  });
  return { producerId, epoch: 'one', from, to: from + batches.length * count - 1, batches };
}

const minutes = () => database.sql`
  select producer_id::int as producer, (extract(epoch from minute) * 1000 - ${noon})::int as minute, readings::int, bytes::int,
    (extract(epoch from first_received_at) * 1000 - ${noon})::int as first,
    (extract(epoch from last_received_at) * 1000 - ${noon})::int as last,
    heard_seconds::text as heard, latency_checked as checked, latency_readings as measured,
    latency_sum_ms::int as latency, latency_max_ms as longest
  from stream_minutes order by producer_id, minute`;

/** What the rows themselves say. */
async function expectMinutesOfRows(): Promise<void> {
  const counted = await database.sql`
    select producer_id, sum(readings)::int as readings, sum(bytes)::int as bytes from stream_minutes group by 1 order by 1`;
  const stored = await database.sql`
    select producer_id, count(*)::int as readings, sum(octet_length(body))::int as bytes from readings
    group by 1 order by 1`;
  expect(counted).toEqual(stored);
}

describe('storing readings', () => {
  it('records them in the minutes they were received in, whichever transaction they came with', async () => {
    await storeReadings(database.sql, [range(1, [1_500, 59_999, 60_000], 2)], seen);
    await storeReadings(database.sql, [range(7, [61_250], 3), range(1, [0], 1, '8')], seen);
    const [one] = await database.sql<{ bytes: number }[]>`select octet_length(body) as bytes from readings`;
    const bytes = one?.bytes ?? 0;
    const of = (readings: number) => ({
      readings,
      bytes: readings * bytes,
      checked: readings,
      measured: readings,
      latency: readings * latencyMs,
      longest: latencyMs,
    });
    expect(await minutes()).toEqual([
      { producer: 7, minute: 0, first: 1_500, last: 59_999, heard: String((1n << 59n) | 2n), ...of(4) },
      { producer: 7, minute: 60_000, first: 60_000, last: 61_250, heard: '3', ...of(5) },
      { producer: 8, minute: 0, first: 0, last: 0, heard: '1', ...of(1) },
    ]);
    await expectMinutesOfRows();
  });

  it('records each once, though it is stored again together with others that are new', async () => {
    await storeReadings(database.sql, [range(1, [0, 1_000], 2)], seen);
    await storeReadings(database.sql, [range(1, [0, 1_000, 2_000, 61_000], 2), range(1, [5_000], 1, '8')], seen);
    await storeReadings(database.sql, [range(1, [0, 1_000, 2_000, 61_000], 2)], seen);
    expect((await minutes()).map(({ producer, readings, heard }) => [producer, readings, heard])).toEqual([
      [7, 6, '7'],
      [7, 2, '2'],
      [8, 1, '32'],
    ]);
    await expectMinutesOfRows();
  });

  it('records each once, though several store it at the same time', async () => {
    const times = Array.from({ length: 20 }, (_, second) => second * 1_000);
    const all = Array.from({ length: 4 }, () => storeReadings(database.sql, [range(1, times, 3)], new SeenDevices()));
    await Promise.all(all);
    await expectMinutesOfRows();
    expect(await minutes()).toMatchObject([{ readings: 60, heard: String(2n ** 20n - 1n) }]);
  });

  it('records neither readings nor minutes where one of them cannot be', async () => {
    const tooMany = { ...range(1, [0]), producerId: '99999999999999999999' };
    await expect(storeReadings(database.sql, [range(1, [0]), tooMany], seen)).rejects.toThrow();
    await database.sql`alter table stream_devices rename to elsewhere`;
    await expect(storeReadings(database.sql, [range(1, [0])], seen)).rejects.toThrow();
    expect(await minutes()).toEqual([]);
    expect(await database.sql`select 1 from readings`).toEqual([]);
  });
});

describe('the devices of streams', () => {
  const devices = () => database.sql`
    select device_id as device, (extract(epoch from first_received_at) * 1000 - ${noon})::int as first,
      (extract(epoch from last_received_at) * 1000 - ${noon})::int as last
    from stream_devices order by device_id`;

  it('are recorded with when they were first heard of, and about when last', async () => {
    await storeReadings(database.sql, [range(1, [0], 2)], seen);
    await storeReadings(database.sql, [range(3, [60_000], 1)], seen);
    expect(await devices()).toEqual([
      { device: 'device-0', first: 0, last: 60_000 },
      { device: 'device-1', first: 0, last: 0 },
    ]);
  });

  it('are written once a minute, and again after a transaction that failed', async () => {
    await database.sql`alter table stream_devices rename to elsewhere`;
    await expect(storeReadings(database.sql, [range(1, [0])], seen)).rejects.toThrow();
    await database.sql`alter table elsewhere rename to stream_devices`;
    await storeReadings(database.sql, [range(1, [0])], seen);
    await storeReadings(database.sql, [range(2, [30_000])], seen);
    expect(await devices()).toEqual([{ device: 'device-0', first: 0, last: 0 }]);
  });

  it('are forgotten beyond a bound, which only has them written again', async () => {
    const small = new SeenDevices(1);
    const minute = { producerId: '7', minuteMs: noon, devices: new Map([['a', noon]]) };
    const other = { ...minute, producerId: '8' };
    const remember = (of: typeof minute) => small.remember([{ ...of, deviceId: 'a', receivedAtMs: noon }]);
    remember(minute);
    remember(other);
    expect(small.unrecorded([minute, other]).map(({ producerId }) => producerId)).toEqual(['7']);
  });
});
