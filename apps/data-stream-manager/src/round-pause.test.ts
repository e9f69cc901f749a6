import { expect, it } from 'vitest';
import { pauseAfterRounds } from './round-pause.ts';

it.each([
  ['there was nothing', 0, 0, 200],
  ['a few streams had few readings each', 8, 8, 200],
  ['many streams had few readings each, the longer the more', 60, 60, 1_500],
  ['very many had, yet not for ever', 499, 499, 5_000],
  ['many streams had many readings each', 5_000, 100, 200],
])('after a round in which %s', (_, readings, streams, ms) => {
  expect(pauseAfterRounds(readings, streams)).toBe(ms);
});
