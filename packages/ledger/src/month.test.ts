import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { month, monthBounds, monthOf, secondsByMonth, secondsInMonth } from './month.ts';

const instant = fc.date({ min: new Date('2026-01-01Z'), max: new Date('2029-01-01Z'), noInvalidDate: true });

describe('a month', () => {
  it('ends and begins at midnight UTC, whatever a clock on a wall says', () => {
    expect(monthOf(new Date('2026-03-31T23:59:59.999Z'))).toBe('2026-03');
    expect(monthOf(new Date('2026-04-01T00:00:00+02:00'))).toBe('2026-03');
    expect(monthOf(new Date('2026-04-01T00:00:00Z'))).toBe('2026-04');
  });

  it.each([
    ['2026-02', 28n],
    ['2028-02', 29n],
    ['2026-03', 31n],
    ['2026-10', 31n],
    ['2026-12', 31n],
    ['2026-11', 30n],
  ])('%s has %s days, also where summer time begins or ends', (text, days) => {
    expect(secondsInMonth(month(text))).toBe(days * 86_400n);
  });

  it('ends where the next begins', () => {
    expect(monthBounds(month('2026-12')).until).toEqual(monthBounds(month('2027-01')).from);
  });

  it.each(['2026-13', '2026-1', 'November'])('is not %s', (text) => {
    expect(() => month(text)).toThrow(RangeError);
  });
});

describe('seconds by month', () => {
  it('are divided at the end of a month', () => {
    expect(secondsByMonth(new Date('2027-01-31T23:59:50Z'), new Date('2027-03-01T00:00:05Z'))).toEqual([
      { month: '2027-01', seconds: 10n },
      { month: '2027-02', seconds: 28n * 86_400n },
      { month: '2027-03', seconds: 5n },
    ]);
  });

  it('are counted where they begin', () => {
    const from = new Date('2026-11-01T00:00:00.400Z');
    expect(secondsByMonth(from, new Date('2026-11-01T00:00:01.000Z'))).toEqual([]);
    expect(secondsByMonth(from, new Date('2026-11-01T00:00:01.001Z'))).toEqual([{ month: '2026-11', seconds: 1n }]);
  });

  it('are none when a clock went back', () => {
    expect(secondsByMonth(new Date('2026-11-02Z'), new Date('2026-11-01Z'))).toEqual([]);
  });

  it('add up to the same, wherever a time is cut in two', () => {
    const total = (from: Date, until: Date) =>
      secondsByMonth(from, until).reduce((sum, { seconds }) => sum + seconds, 0n);
    fc.assert(
      fc.property(fc.tuple(instant, instant, instant), (instants) => {
        const [from, cut, until] = instants.sort((a, b) => a.getTime() - b.getTime());
        expect(total(from, cut) + total(cut, until)).toBe(total(from, until));
      }),
    );
  });
});
