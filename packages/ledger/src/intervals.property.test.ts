import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addInterval, countNumbers, type Interval, type IntervalSet } from './intervals.ts';

const interval = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 12 }))
  .map(([from, length]) => ({ from, to: from + length }));

function numbersOf(set: IntervalSet): number[] {
  return set.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
}

function unionOf(intervals: readonly Interval[]): IntervalSet {
  return intervals.reduce<IntervalSet>((set, next) => addInterval(set, next).set, []);
}

it('a set of intervals holds what a set of their numbers holds, and tells what was new each time', () => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 30 }), (intervals) => {
      const naive = new Set<number>();
      let set: IntervalSet = [];
      for (const next of intervals) {
        const addition = addInterval(set, next);
        expect(numbersOf(addition.added)).toEqual(numbersOf([next]).filter((number) => !naive.has(number)));
        for (const number of numbersOf([next])) naive.add(number);
        set = addition.set;
        expect(numbersOf(set)).toEqual([...naive].sort((a, b) => a - b));
        expect(countNumbers(set)).toBe(BigInt(naive.size));
      }
    }),
  );
});

it('the compact form is the same in whatever order and however often intervals are added', () => {
  fc.assert(
    fc.property(
      fc
        .array(interval, { minLength: 1, maxLength: 20 })
        .chain((intervals) =>
          fc.tuple(
            fc.constant(intervals),
            fc.shuffledSubarray([...intervals, ...intervals], { minLength: intervals.length * 2 }),
          ),
        ),
      ([intervals, shuffled]) => {
        const set = unionOf(intervals);
        expect(unionOf(shuffled)).toEqual(set);
        set.slice(1).forEach((next, index) => {
          expect(next.from).toBeGreaterThan((set[index]?.to ?? 0) + 1);
        });
      },
    ),
  );
});

it('intervals that touch become one', () => {
  expect(
    unionOf([
      { from: 1, to: 2 },
      { from: 5, to: 6 },
      { from: 3, to: 4 },
    ]),
  ).toEqual([{ from: 1, to: 6 }]);
});

it('an interval up to the largest number counts exactly', () => {
  const { set, added } = addInterval([], { from: 1, to: Number.MAX_SAFE_INTEGER });
  expect(countNumbers(added)).toBe(BigInt(Number.MAX_SAFE_INTEGER));
  expect(addInterval(set, { from: 7, to: 9 })).toEqual({ set, added: [] });
});

it.each([
  { from: 0, to: 3 },
  { from: 3, to: 2 },
  { from: 1.5, to: 3 },
  { from: 1, to: Number.POSITIVE_INFINITY },
])('$from to $to is no interval', (wrong) => {
  expect(() => addInterval([], wrong)).toThrow(RangeError);
});
