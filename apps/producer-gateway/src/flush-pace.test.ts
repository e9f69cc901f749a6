import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FlushPace } from './flush-pace.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Asks for turns; gives the times at which they came so far, in ms. */
function flush(pace: FlushPace, count: number): number[] {
  const begunAt: number[] = [];
  for (let at = 0; at < count; at += 1) void pace.turn().then(() => begunAt.push(Math.round(performance.now())));
  return begunAt;
}

it('a single flush begins after the turn of the loop, and the next one hardly later', async () => {
  const pace = new FlushPace();
  const first = flush(pace, 1);
  expect(first).toEqual([]);
  await setImmediate();
  expect(first).toEqual([0]);
  const next = flush(pace, 1);
  await vi.advanceTimersByTimeAsync(1);
  expect(next).toEqual([1]);
});

it('flushes that are due at the same time begin together, and the more they are the longer the next ones wait', async () => {
  const pace = new FlushPace();
  const first = flush(pace, 10);
  await setImmediate();
  expect(first).toEqual(Array(10).fill(0));
  const early = flush(pace, 2);
  await vi.advanceTimersByTimeAsync(3);
  const late = flush(pace, 2);
  await vi.advanceTimersByTimeAsync(2);
  expect([...early, ...late]).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect([...early, ...late]).toEqual([6, 6, 6, 6]);
});

it('whoever comes after the pause waits for nothing but the turn of the loop', async () => {
  const pace = new FlushPace();
  flush(pace, 10);
  await setImmediate();
  await vi.advanceTimersByTimeAsync(6);
  const next = flush(pace, 1);
  await setImmediate();
  expect(next).toEqual([6]);
});
