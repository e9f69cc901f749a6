import { expect, test } from 'vitest';
import { SteadyClock } from './steady-clock.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const hour = 3_600_000;

/** A clock whose wall clock can be set. `after` lets time pass and gives what it then says, in ms since the start. */
function clock() {
  let monotonic = 5_000;
  let wall = start;
  const told: number[] = [];
  const steady = new SteadyClock((seconds) => told.push(seconds), { wall: () => wall, monotonic: () => monotonic });
  return {
    told,
    set: (ms: number) => {
      wall += ms;
    },
    after: (ms: number) => {
      monotonic += ms;
      wall += ms;
      return Date.parse(steady.now()) - start;
    },
  };
}

test('follows the wall clock, also when it is set forward', () => {
  const { after, set, told } = clock();
  expect(after(0)).toBe(0);
  expect(after(10)).toBe(10);
  set(hour);
  expect(after(10)).toBe(hour + 20);
  expect(told).toEqual([]);
});

test('never goes back when the wall clock is set back: it goes on slowly, tells it once, and lets it catch up', () => {
  const { after, set, told } = clock();
  const before = after(1_000);
  set(-hour);
  let last = before;
  for (let minute = 1; minute <= 66; minute += 1) {
    const now = after(60_000);
    expect(now).toBeGreaterThan(last);
    last = now;
  }
  expect(told).toEqual([3_600]);
  // An hour and a ninth after it was set back.
  expect(after(60_000)).toBe(1_000 + 67 * 60_000 - hour);
});

test('a wall clock that trembles is no news', () => {
  const { after, set, told } = clock();
  after(100);
  set(-50);
  expect(after(10)).toBe(101);
  expect(told).toEqual([]);
});
