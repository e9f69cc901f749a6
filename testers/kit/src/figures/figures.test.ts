import { describe, expect, it } from 'vitest';
import { amountOf } from './amount.ts';
import { BoundedList } from './bounded-list.ts';
import { formatBytes, formatCount, formatRate, formatSpan, plural } from './format.ts';
import { RateMeter } from './rate-meter.ts';

describe('formats', () => {
  it.each([
    [formatCount(1234), '1,234'],
    [formatCount(1_234_567), '1.2M'],
    [formatRate(0), '0'],
    [formatRate(0.4), '0.4'],
    [formatRate(1204.4), '1,204'],
    [formatSpan(0.82), '0.8 ms'],
    [formatSpan(-12), '-12 ms'],
    [formatSpan(4_200), '4.2 s'],
    [formatSpan(600_000), '10 min'],
    [formatSpan(86_400_000 * 30), '30 d'],
    [formatBytes(512), '512 B'],
    [formatBytes(1536), '1.5 KiB'],
    [plural(1, 'reading'), '1 reading'],
    [plural(0, 'reading'), '0 readings'],
  ])('gives %s', (got, expected) => expect(got).toBe(expected));
});

describe('RateMeter', () => {
  it('gives what happened per second over the last 3 complete seconds', () => {
    const meter = new RateMeter();
    for (let ms = 0; ms < 10_000; ms += 100) meter.add(ms);
    expect(meter.perSecond(10_000)).toBe(10);
    expect(meter.perSecond(11_500)).toBe(5);
    expect(meter.perSecond(13_500)).toBe(0);
  });

  it('gives a minute by seconds, the oldest first, and forgets what is older', () => {
    const meter = new RateMeter();
    meter.add(0, 7);
    meter.add(59_000, 3);
    expect(meter.history(60_000).at(0)).toBe(7);
    expect(meter.history(60_000).at(-1)).toBe(3);
    expect(meter.history(61_500)).not.toContain(7);
    expect(meter.history(600_000)).toEqual(Array(60).fill(0));
  });
});

describe('BoundedList', () => {
  it('keeps the newest, newest first', () => {
    const list = new BoundedList<number>(3);
    for (const item of [1, 2, 3]) expect(list.add(item)).toBeUndefined();
    expect(list.add(4)).toBe(1);
    expect(list.items).toEqual([4, 3, 2]);
  });
});

it.each([
  ['12.50', 12_500_000n],
  ['-0.000001', -1n],
  ['0.00', 0n],
  ['-1.00', -1_000_000n],
])('reads %s as micro-units', (text, expected) => {
  expect(amountOf(text)).toBe(expected);
});
