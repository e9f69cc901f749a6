import { describe, expect, it } from 'vitest';
import { rateOf } from './stream-reader.ts';

/** The middle of window 7, which began at 70 s. */
const now = 75_000;

describe('the rate of a stream', () => {
  it('counts the running window whole and the one before by what of it lies within the last 10 seconds', () => {
    expect(rateOf({ rate_window: '7', rate_from: '150', rate_last: '100', head: '200' }, now)).toBe(10);
  });

  it('fades out once nothing comes any more', () => {
    expect(rateOf({ rate_window: '6', rate_from: '900', rate_last: '900', head: '1000' }, now)).toBe(5);
    expect(rateOf({ rate_window: '5', rate_from: '900', rate_last: '900', head: '1000' }, now)).toBe(0);
  });

  it('is 0 for a stream that never had a reading', () => {
    expect(rateOf({}, now)).toBe(0);
  });
});
