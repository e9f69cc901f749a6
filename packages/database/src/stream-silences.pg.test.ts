import { createTestDatabase } from '@motience/engines/testing';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from './client.ts';
import { streamMinutes } from './stream-record-schema.ts';
import { readSilences, silencesOf } from './stream-silences.ts';

const noon = Date.UTC(2026, 2, 14, 12);
const at = (second: number) => new Date(noon + second * 1_000);

/** Minutes in which something was received in these seconds after noon. */
function heard(seconds: readonly number[]) {
  const minutes = new Map<number, bigint>();
  for (const second of seconds) {
    const minute = Math.floor(second / 60);
    minutes.set(minute, (minutes.get(minute) ?? 0n) | (1n << BigInt(second - minute * 60)));
  }
  return [...minutes].map(([minute, heardSeconds]) => ({ minute: at(minute * 60), heardSeconds }));
}

const between = (seconds: readonly number[], from: number, to: number, longerThanSeconds: number) =>
  silencesOf(heard(seconds), { from: at(from), to: at(to), longerThanSeconds }).map((silence) => {
    expect(silence.to.getTime() - silence.from.getTime()).toBe(silence.seconds * 1_000);
    return [(silence.from.getTime() - noon) / 1_000, silence.seconds];
  });

it('silences are runs of whole seconds without a reading, over the ends of minutes, longer than what is allowed', () => {
  expect(between([0, 1, 5, 59, 60, 185, 239], 0, 240, 3)).toEqual([
    [6, 53],
    [61, 124],
    [186, 53],
  ]);
  expect(between([0, 1, 5, 59, 60, 185, 239], 0, 240, 2)).toContainEqual([2, 3]);
});

it('silences begin and end with the time that is asked for, whatever was heard before and after', () => {
  expect(between([0, 10, 100], 5, 90, 0)).toEqual([
    [5, 5],
    [11, 79],
  ]);
  expect(between([], 30, 600, 569)).toEqual([[30, 570]]);
  expect(between([], 30, 600, 570)).toEqual([]);
});

it('silences of a stream are read from its minutes alone', async () => {
  const test = await createTestDatabase();
  const database = openDatabase(test.url, { maxConnections: 1 });
  onTestFinished(async () => {
    await database.close();
    await test.drop();
  });
  const rowsOf = (producerId: bigint, seconds: readonly number[]) =>
    heard(seconds).map((minute) => ({
      ...minute,
      producerId,
      readings: 1n,
      bytes: 1n,
      firstReceivedAt: minute.minute,
      lastReceivedAt: minute.minute,
      latencyChecked: 0,
      latencyReadings: 0,
      latencySumMs: 0n,
      latencyMaxMs: 0,
    }));
  await database.db.insert(streamMinutes).values([...rowsOf(7n, [10, 59, 60, 200]), ...rowsOf(8n, [100])]);
  const time = { from: at(30), to: at(181), longerThanSeconds: 100 };
  expect(await readSilences(database.db, { producerId: '7', ...time })).toEqual([
    { from: at(61), to: at(181), seconds: 120 },
  ]);
  expect(await readSilences(database.db, { producerId: '9', ...time })).toHaveLength(1);
});
