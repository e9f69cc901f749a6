import { describe, expect, it } from 'vitest';
import { makeSchedule } from './schedule.ts';

const targets = { processes: ['gateway', 'redis'], links: ['a', 'b'], servers: ['node'], readers: ['consumer'] };

describe('a schedule', () => {
  it('is the same for the same seed, and another one for another seed', () => {
    expect(makeSchedule(1, 60_000, targets, 2_000)).toEqual(makeSchedule(1, 60_000, targets, 2_000));
    expect(makeSchedule(1, 60_000, targets, 2_000)).not.toEqual(makeSchedule(2, 60_000, targets, 2_000));
  });

  it.each([1, 2, 3, 4, 5])('of seed %i breaks everything in every way, alone and at once, within its time', (seed) => {
    const faults = makeSchedule(seed, 60_000, targets, 2_000);
    expect(new Set(faults.map(({ kind, target }) => `${kind} ${target}`))).toEqual(
      new Set([
        ...['kill gateway', 'kill redis', 'freeze gateway', 'freeze redis', 'slow-reader consumer'],
        ...['cut a', 'cut b', 'cut node', 'delay a', 'delay b', 'half-open a', 'half-open b'],
      ]),
    );
    const times = faults.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(Math.max(...times)).toBeLessThan(60_000);
    const moments = new Set(times).size;
    expect(moments).toBeLessThan(faults.length);
    expect(moments).toBeGreaterThan(faults.length / 2);
  });

  it('of a longer run begins like that of a shorter one', () => {
    const short = makeSchedule(1, 30_000, targets, 2_000);
    expect(makeSchedule(1, 90_000, targets, 2_000).slice(0, short.length)).toEqual(short);
  });

  it('is empty where there is nothing to break', () => {
    expect(makeSchedule(1, 60_000, { processes: [], links: [], servers: [], readers: [] }, 2_000)).toEqual([]);
  });
});
