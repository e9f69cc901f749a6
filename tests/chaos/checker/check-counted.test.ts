import { describe, expect, it } from 'vitest';
import { type Arrival, checkCounted, nothingCounted } from './check-counted.ts';

const arrivals = (epoch: string, from: number, to: number, mayBeUnreported = false): Arrival[] =>
  Array.from({ length: to - from + 1 }, (_, at) => ({ epoch, seq: from + at, mayBeUnreported }));
const span = (epoch: string, from: number, to: number) => ({ epoch, from, to });

describe('what was counted', () => {
  it('is right when each reading is counted once, however many sockets it came to', () => {
    const all = [...arrivals('a', 1, 8), ...arrivals('a', 3, 10), ...arrivals('b', 1, 2)];
    expect(checkCounted(all, [span('b', 1, 2), span('a', 6, 10), span('a', 1, 5)])).toEqual({
      ...nothingCounted,
      received: 12,
      counted: 12,
    });
  });

  it('shows what was counted twice', () => {
    const spans = [span('a', 1, 6), span('a', 4, 8), span('a', 5, 5)];
    expect(checkCounted(arrivals('a', 1, 8), spans)).toMatchObject({ counted: 8, countedTwice: 4, neverReceived: 0 });
  });

  it('shows what was counted and never received, in whichever epoch', () => {
    const spans = [span('a', 1, 10), span('c', 1, 3)];
    expect(checkCounted(arrivals('a', 2, 8), spans)).toMatchObject({ counted: 13, neverReceived: 6, uncounted: 0 });
  });

  it('shows what was received and not counted', () => {
    expect(checkCounted(arrivals('a', 1, 8), [span('a', 1, 3), span('a', 7, 7)])).toMatchObject({
      uncounted: 4,
      examples: ['a:4-6', 'a:8-8'],
    });
    expect(checkCounted(arrivals('a', 1, 8), [])).toMatchObject({ uncounted: 8 });
  });

  it('excuses what went with a killed gateway, unless it came over another one as well', () => {
    const all = [...arrivals('a', 1, 4), ...arrivals('a', 5, 8, true), ...arrivals('a', 5, 6)];
    expect(checkCounted(all, [span('a', 1, 4)])).toMatchObject({ lostWithGateway: 2, mayBeLost: 2, uncounted: 2 });
    expect(checkCounted(all, [span('a', 1, 8)])).toMatchObject({ lostWithGateway: 0, mayBeLost: 2, uncounted: 0 });
  });
});
