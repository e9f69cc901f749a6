import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excessSilence, type HeardMinute, type Seconds, secondsInBoth } from './silence.ts';

/** As the promise has it: a second counts if nothing was heard in it, nor in as many seconds before it as are promised. */
function naive(heard: ReadonlySet<number>, promised: number, { from, until }: Seconds): number[] {
  const counted: number[] = [];
  for (let second = from; second < until; second += 1) {
    let isSilent = true;
    for (let at = second; at >= second - promised; at -= 1) if (heard.has(at)) isSilent = false;
    if (isSilent) counted.push(second);
  }
  return counted;
}

function minutesOf(seconds: Iterable<number>): HeardMinute[] {
  const minutes = new Map<number, bigint>();
  for (const second of seconds) {
    const minute = second - (second % 60);
    minutes.set(minute, (minutes.get(minute) ?? 0n) | (1n << BigInt(second - minute)));
  }
  return [...minutes].sort(([a], [b]) => a - b).map(([minute, heard]) => ({ minute, heard }));
}

const expand = (silences: readonly Seconds[]) =>
  silences.flatMap(({ from, until }) => Array.from({ length: until - from }, (_, at) => from + at));

const day = { from: 600, until: 1_200 };
const heardSeconds = fc.uniqueArray(fc.integer({ min: 0, max: 1_199 }), { maxLength: 30 });

function silencesOf(heard: readonly number[], promised: number, window: Seconds): Seconds[] {
  const before = heard.filter((second) => second < window.from);
  const within = heard.filter((second) => second >= window.from && second < window.until);
  const last = before.length > 0 ? Math.max(...before) : undefined;
  return excessSilence(minutesOf(within), last, promised, window);
}

describe('silence longer than promised', () => {
  it('is every second that comes after as many silent ones as are promised', () => {
    fc.assert(
      fc.property(heardSeconds, fc.integer({ min: 1, max: 200 }), (heard, promised) => {
        expect(expand(silencesOf(heard, promised, day))).toEqual(naive(new Set(heard), promised, day));
      }),
    );
  });

  it('is the same however the time is cut up', () => {
    const cut = fc.integer({ min: 11, max: 19 }).map((minute) => minute * 60);
    fc.assert(
      fc.property(heardSeconds, fc.integer({ min: 1, max: 200 }), cut, (heard, promised, at) => {
        const pieces = [
          ...silencesOf(heard, promised, { from: day.from, until: at }),
          ...silencesOf(heard, promised, { from: at, until: day.until }),
        ];
        expect(expand(pieces)).toEqual(expand(silencesOf(heard, promised, day)));
      }),
    );
  });

  it('never began for a stream of which nothing was ever heard: all of it is too long', () => {
    expect(excessSilence([], undefined, 60, day)).toEqual([day]);
  });
});

it('counts the seconds that lie in two lists of times', () => {
  const times = fc
    .uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 12 })
    .map((ends) => ends.sort((a, b) => a - b))
    .map((ends) =>
      Array.from({ length: Math.floor(ends.length / 2) }, (_, at) => ({
        from: ends[2 * at] ?? 0,
        until: ends[2 * at + 1] ?? 0,
      })),
    );
  fc.assert(
    fc.property(times, times, (one, other) => {
      const both = new Set(expand(other));
      expect(secondsInBoth(one, other)).toBe(BigInt(expand(one).filter((second) => both.has(second)).length));
    }),
  );
});
