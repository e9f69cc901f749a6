import { describe, expect, it } from 'vitest';
import { Thinning } from './thinning.ts';

const create = (maxRate: number) => {
  const heldBytes = { total: 0 };
  return { heldBytes, thinning: new Thinning(maxRate, heldBytes) };
};
const place = (seq: number) => ({ epoch: 'e', seq, bytesBefore: 0, bytesThrough: 0 });
const body = (text: string) => Buffer.from(text);
const texts = (thinning: Thinning, now: number) => thinning.take(now).map((held) => `${held.seq} ${held.body}`);

describe('thinning', () => {
  it('keeps the latest reading of each device, in the order of their seq', () => {
    const { thinning } = create(1);
    thinning.hold('a', place(1), body('a1'));
    thinning.hold('b', place(2), body('b2'));
    thinning.hold('a', place(3), body('a3'));
    expect(thinning.firstSeq).toBe(2);
    expect(texts(thinning, 0)).toEqual(['2 b2', '3 a3']);
    expect(thinning.firstSeq).toBeUndefined();
  });

  it('lets the first out at once and the next one an interval later, as often as max_rate says', () => {
    const { thinning } = create(4);
    expect(thinning.waitMs(1_000)).toBeUndefined();
    thinning.hold('a', place(1), body('1'));
    expect(thinning.waitMs(1_000)).toBe(0);
    thinning.take(1_000);
    thinning.hold('a', place(2), body('2'));
    expect(thinning.waitMs(1_010)).toBe(240);
    expect(thinning.waitMs(1_250)).toBe(0);
    expect(thinning.waitMs(5_000)).toBe(0);
  });

  it('waits no longer than an interval when a clock is behind the one that was used before', () => {
    const { thinning } = create(4);
    thinning.take(1_000_000);
    thinning.hold('a', place(1), body('1'));
    expect(thinning.waitMs(0)).toBe(250);
  });

  it('holds a bounded number of bytes, also all together, and gives them back', () => {
    const { thinning, heldBytes } = create(0.01);
    thinning.take(0);
    thinning.hold('a', place(1), Buffer.alloc(200_000));
    thinning.hold('a', place(2), Buffer.alloc(200_000));
    expect(thinning.waitMs(1)).toBe(99_999);
    thinning.hold('b', place(3), Buffer.alloc(100_000));
    expect(thinning.waitMs(1)).toBe(0);
    expect(heldBytes.total).toBe(300_000);
    thinning.take(1);
    expect(heldBytes.total).toBe(0);
    heldBytes.total = 100_000_000;
    thinning.hold('a', place(4), body('4'));
    expect(thinning.waitMs(2)).toBe(0);
  });

  it('does not hold on to what the body was a view of', () => {
    const { thinning } = create(1);
    const batch = body('old');
    thinning.hold('a', place(1), batch);
    batch.write('new');
    expect(texts(thinning, 0)).toEqual(['1 old']);
  });
});
