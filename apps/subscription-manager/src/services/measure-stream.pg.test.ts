import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureStream } from './measure-stream.ts';

/** A minute ended 30 s before. */
const now = new Date('2026-03-14T12:00:30Z');
const minuteMs = 60_000;

let testDatabase: TestDatabase;
let database: Database;
let lastProducer = 0;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { maxConnections: 1 });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** When the minute began that ended so many minutes before the last whole one. */
const begin = (minutesAgo: number) => new Date(Date.parse('2026-03-14T12:00:00Z') - (minutesAgo + 1) * minuteMs);

interface Minute {
  ago: number;
  readings: number;
  /** Seconds of the first and the last reading in it. */
  heard?: readonly [first: number, last: number];
}

/** What is measured of a stream with these minutes. */
async function measured(minutes: readonly Minute[], at = now) {
  lastProducer += 1;
  for (const { ago, readings, heard: [first, last] = [0, 59] } of minutes) {
    const minute = begin(ago).toISOString();
    await database.sql`
      insert into stream_minutes select ${lastProducer}, minute, ${readings}, ${readings * 10},
        minute + make_interval(secs => ${first}), minute + make_interval(secs => ${last}), 1,
        ${readings * 2}, ${readings}, ${readings * 20}, ${20 + ago} from (select ${minute}::timestamptz as minute) as at`;
  }
  return measureStream(database.db, String(lastProducer), at);
}

describe('measuring a stream', () => {
  it('counts from when it was first heard of until the last whole minute, and shows what it counted', async () => {
    const minutes = [
      { ago: 3, readings: 120, heard: [10, 50] },
      { ago: 0, readings: 60, heard: [5, 59] },
      { ago: -1, readings: 999 },
    ] as const;
    expect(await measured(minutes)).toEqual({
      until: '2026-03-14T12:00:00.000Z',
      first_seen_at: '2026-03-14T11:56:10.000Z',
      last_seen_at: '2026-03-14T12:00:59.000Z',
      rate: { readings_per_second: 180 / 230, readings: 180, seconds_counted: 230, bytes: 1_800 },
      devices: { last_24_hours: 0, last_30_days: 0 },
      uptime: {
        last_24_hours: { share: 0.5, minutes_with_readings: 2, minutes_counted: 4, minutes_platform_down: 0 },
        last_30_days: { share: 0.5, minutes_with_readings: 2, minutes_counted: 4, minutes_platform_down: 0 },
      },
      gaps: {
        last_24_hours: { count: 1, longest_seconds: 135 },
        last_30_days: { count: 1, longest_seconds: 135 },
      },
      latency: { average_ms: 20, longest_ms: 23, readings_measured: 180, readings_checked: 360 },
    });
  });

  it('tells 24 hours from 30 days, and counts a gap that goes on', async () => {
    const old = [1_500, 48_000].map((ago) => ({ ago, readings: 7, heard: [0, 0] as const }));
    expect(await measured(old)).toMatchObject({
      rate: { readings_per_second: 0, readings: 0, seconds_counted: 86_400, bytes: 0 },
      uptime: {
        last_24_hours: { share: 0, minutes_counted: 1_440 },
        last_30_days: { share: 1 / 43_200, minutes_with_readings: 1, minutes_counted: 43_200 },
      },
      gaps: {
        last_24_hours: { count: 1, longest_seconds: 86_400 },
        last_30_days: { count: 2, longest_seconds: (43_200 - 1_501) * 60 },
      },
      latency: { average_ms: null, longest_ms: null, readings_measured: 0, readings_checked: 0 },
    });
  });

  it('takes for a gap what is longer than a minute, and nothing shorter', async () => {
    const heard = (gapSeconds: number) => [
      { ago: 2, readings: 1, heard: [0, 30] as const },
      { ago: 1, readings: 1, heard: [gapSeconds - 30, 59] as const },
      { ago: 0, readings: 1 },
    ];
    expect((await measured(heard(60))).gaps.last_30_days).toEqual({ count: 0, longest_seconds: 0 });
    expect((await measured(heard(61))).gaps.last_30_days).toEqual({ count: 1, longest_seconds: 61 });
  });

  it('leaves out a minute that ended only just now: its last readings may be on their way', async () => {
    const minutes = [0, 1].map((ago) => ({ ago, readings: 1 }));
    const { until, uptime } = await measured(minutes, new Date('2026-03-14T12:00:04Z'));
    expect(until).toBe('2026-03-14T11:59:00.000Z');
    expect(uptime.last_30_days).toMatchObject({ share: 1, minutes_with_readings: 1, minutes_counted: 1 });
  });

  it('divides the readings of a young stream by the time since its first one', async () => {
    const { rate } = await measured([{ ago: 0, readings: 10, heard: [50, 59] }]);
    expect(rate).toMatchObject({ readings_per_second: 1, readings: 10, seconds_counted: 10 });
    expect((await measured([{ ago: -1, readings: 10 }])).rate).toMatchObject({
      readings_per_second: null,
      seconds_counted: 0,
    });
  });

  it('leaves out the minutes in which the platform was down, but for those with readings', async () => {
    const down = async (from: string, until: string) =>
      database.sql`insert into platform_downtimes values (${from}, ${until})`;
    // Before the stream was heard of, over a minute with readings, twice in one minute, and on after the last whole one.
    await down('2026-03-14T11:30:00Z', '2026-03-14T11:51:30Z');
    await down('2026-03-14T11:53:10Z', '2026-03-14T11:54:20Z');
    await down('2026-03-14T11:54:50Z', '2026-03-14T11:55:00Z');
    await down('2026-03-14T11:59:30Z', '2026-03-14T12:00:20Z');
    // 11:50, 11:53 and 11:57.
    const minutes = [9, 6, 2].map((ago) => ({ ago, readings: 1 }));
    const { uptime } = await measured(minutes);
    // Of 11:50 to 11:59, without 11:51, 11:54 and 11:59.
    const counted = { share: 3 / 7, minutes_with_readings: 3, minutes_counted: 7, minutes_platform_down: 3 };
    expect(uptime).toEqual({ last_24_hours: counted, last_30_days: counted });
    await database.sql`delete from platform_downtimes`;
  });

  it('counts devices by when they were last heard of', async () => {
    await measured([]);
    for (const [device, hours] of [
      ['new', 23],
      ['old', 25],
      ['older', 721],
    ] as const) {
      const at = new Date(now.getTime() - hours * 3_600_000).toISOString();
      await database.sql`insert into stream_devices values (${lastProducer}, ${device}, ${at}, ${at})`;
    }
    const { devices } = await measureStream(database.db, String(lastProducer), now);
    expect(devices).toEqual({ last_24_hours: 1, last_30_days: 2 });
  });

  it('says of a stream that never was that nothing was counted', async () => {
    const nothing = { share: null, minutes_with_readings: 0, minutes_counted: 0, minutes_platform_down: 0 };
    const none = { count: 0, longest_seconds: 0 };
    expect(await measured([])).toMatchObject({
      first_seen_at: null,
      last_seen_at: null,
      rate: { readings_per_second: null, readings: 0, seconds_counted: 0, bytes: 0 },
      uptime: { last_24_hours: nothing, last_30_days: nothing },
      gaps: { last_24_hours: none, last_30_days: none },
    });
  });
});
