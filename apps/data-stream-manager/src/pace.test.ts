import { expect, it } from 'vitest';
import { Pace } from './pace.ts';

it('calls that spend few bytes need not pause', () => {
  const pace = new Pace(1_000);
  const pauses = Array.from({ length: 1_000 }, (_, at) => pace.spend(200, at));
  expect(new Set(pauses)).toEqual(new Set([0]));
});

it('several together spend no more than the rate, and little pauses are saved up', () => {
  const pace = new Pace(1_000);
  const free = [0, 0, 0, 0];
  let spent = 0;
  for (let now = 0; now < 10_000; now += 1) {
    free.forEach((from, who) => {
      if (now < from) return;
      spent += 2_000;
      free[who] = now + pace.spend(2_000, now);
    });
  }
  expect(spent / 10_000).toBeGreaterThan(900);
  expect(spent / 10_000).toBeLessThan(1_100);
});

it('what was not spent while nothing was to be done is not made up for', () => {
  const pace = new Pace(1_000);
  pace.spend(10_000, 0);
  expect(pace.spend(10_000, 60_000)).toBe(10);
});
