/** Between rounds that took all there was: few large ones cost PostgreSQL, and the disk, less than many small ones. */
const shortestMs = 200;
/** What waits meanwhile is in Redis alone. */
const longestMs = 5_000;
/**
 * For each stream where they had few readings each: a stream costs as much as many readings, in Redis and in
 * PostgreSQL, so a shard takes some 40 such a second, as long as the longest pause is enough for that.
 */
const perStreamMs = 25;
const fewReadings = 50;

/** How long to pause, in ms, after rounds that took all there was of a shard: so many readings of so many streams. */
export function pauseAfterRounds(readings: number, streams: number): number {
  if (readings >= streams * fewReadings) return shortestMs;
  return Math.min(Math.max(streams * perStreamMs, shortestMs), longestMs);
}
