import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EntitledTime, isEntitled, joinTimes } from './entitled-times.ts';

const moment = fc.integer({ min: -2, max: 40 });
/** Any times: open or ended, overlapping, touching, empty, even backwards, in any order. */
const someTimes = fc.array(
  fc.record({ fromMs: moment, toMs: fc.oneof({ weight: 9, arbitrary: moment }, fc.constant(undefined)) }),
  { maxLength: 12 },
);
const lies = (times: EntitledTime[], atMs: number) =>
  times.some(({ fromMs, toMs }) => fromMs <= atMs && (toMs === undefined || atMs < toMs));

describe('entitled times', () => {
  it('hold a moment exactly if one of the subscriptions they were made of did', () => {
    fc.assert(
      fc.property(someTimes, (times) => {
        const joined = joinTimes(times);
        for (let atMs = -4; atMs <= 42; atMs += 1) expect(isEntitled(joined, atMs)).toBe(lies(times, atMs));
      }),
    );
  });

  it('are ascending, not empty, and apart from each other; only the last may go on', () => {
    fc.assert(
      fc.property(someTimes, (times) => {
        let end = Number.NEGATIVE_INFINITY;
        for (const { fromMs, toMs = Number.POSITIVE_INFINITY } of joinTimes(times)) {
          expect(fromMs).toBeGreaterThan(end);
          expect(toMs).toBeGreaterThan(fromMs);
          end = toMs;
        }
      }),
    );
  });

  it('are the same whatever order they were made in, and stay as they are when joined again', () => {
    fc.assert(
      fc.property(someTimes, (times) => {
        const joined = joinTimes(times);
        expect(joinTimes(times.toReversed())).toEqual(joined);
        expect(joinTimes(joined)).toEqual(joined);
      }),
    );
  });

  it('leave those they are made of as they were', () => {
    const times = [
      { fromMs: 5, toMs: 9 },
      { fromMs: 1, toMs: 6 },
    ];
    expect(joinTimes(times)).toEqual([{ fromMs: 1, toMs: 9 }]);
    expect(times).toEqual([
      { fromMs: 5, toMs: 9 },
      { fromMs: 1, toMs: 6 },
    ]);
  });

  it('hold nothing when there are none', () => {
    expect(isEntitled([], 0)).toBe(false);
  });
});
