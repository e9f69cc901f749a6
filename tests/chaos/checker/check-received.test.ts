import { describe, expect, it } from 'vitest';
import { checkReceived } from './check-received.ts';
import { noFaults } from './fault-counts.ts';
import type { ConsumerRecord, ReadingPlace } from './reading-place.ts';
import { StoredStream } from './stored-stream.ts';

const place = (epoch: string, seq: number, sequence: number, checksum: number | undefined = sequence) =>
  ({ epoch, seq, deviceId: 'd', sequence, checksum }) satisfies ReadingPlace;
const reading = (...args: Parameters<typeof place>): ConsumerRecord => ({ kind: 'reading', ...place(...args) });
const subscribed = (epoch: string, seq: number, recovered = true): ConsumerRecord => ({
  kind: 'subscribed',
  epoch,
  seq,
  recovered,
});
const gap = (epoch: string, from: number, to: number): ConsumerRecord => ({ kind: 'gap', epoch, from, to });
const position = (epoch: string, seq: number): ConsumerRecord => ({ kind: 'position', epoch, seq });

/** Six readings of one device, the last two after the numbering began anew. */
const stored = new StoredStream([1, 2, 3, 4].map((n) => place('a', n, n)).concat([place('b', 1, 5), place('b', 2, 6)]));
const sent = [{ deviceId: 'd', acknowledged: 6, sent: 6 }];
const start = subscribed('a', 0);
const [r1, r2, r3, r4] = [reading('a', 1, 1), reading('a', 2, 2), reading('a', 3, 3), reading('a', 4, 4)] as const;
const [r5, r6] = [reading('b', 1, 5), reading('b', 2, 6)] as const;
const intoB = subscribed('b', 0);

const faultsOf = (records: readonly ConsumerRecord[], options = {}) =>
  checkReceived(sent, stored, records, options).faults;

describe('what a consumer got', () => {
  it('is faultless when every reading came once and in order, over reconnects and a new epoch', () => {
    const received = checkReceived(sent, stored, [
      ...[start, r1, r2, subscribed('a', 2), r3, position('a', 3), r4, intoB, r5, r6, position('b', 2)],
    ]);
    expect(received).toEqual({ faults: noFaults, readings: 6, declaredLost: 0, notRecovered: 0 });
  });

  it('shows a lost prefix, also when the first position lies behind it', () => {
    expect(faultsOf([subscribed('a', 2), r3, r4, intoB, r5, r6])).toEqual({ ...noFaults, lostPrefix: 2 });
  });

  it('shows a lost middle and the hole in the numbers', () => {
    expect(faultsOf([start, r1, r4, intoB, r5, r6])).toEqual({ ...noFaults, lostMiddle: 2, undeclaredGaps: 2 });
  });

  it('shows the lost end of an epoch that numbers alone do not show', () => {
    expect(faultsOf([start, r1, r2, r3, intoB, r5, r6])).toEqual({ ...noFaults, lostMiddle: 1 });
  });

  it('shows a lost tail', () => {
    expect(faultsOf([start, r1, r2, r3, r4, intoB, r5])).toEqual({ ...noFaults, lostTail: 1 });
  });

  it('shows a position that was moved over readings that did not come', () => {
    const faults = faultsOf([start, r1, r2, r3, r4, intoB, r5, position('b', 2)]);
    expect(faults).toEqual({ ...noFaults, lostTail: 1, undeclaredGaps: 1 });
  });

  it('shows a resumption that began further on than was asked', () => {
    const faults = faultsOf([start, r1, subscribed('a', 2), r3, r4, intoB, r5, r6]);
    expect(faults).toEqual({ ...noFaults, lostMiddle: 1, undeclaredGaps: 1 });
  });

  it('shows a repeated reading', () => {
    expect(faultsOf([start, r1, r2, r2, r3, r4, intoB, r5, r6])).toMatchObject({ repeated: 1, misplaced: 1 });
  });

  it('shows a reading that was numbered twice', () => {
    const twice = new StoredStream([place('a', 1, 1), place('a', 2, 1)]);
    const { faults } = checkReceived([{ deviceId: 'd', acknowledged: 1, sent: 1 }], twice, [
      start,
      reading('a', 1, 1),
      reading('a', 2, 1),
    ]);
    expect(faults).toEqual({ ...noFaults, repeated: 1 });
  });

  it('shows readings in the wrong order', () => {
    expect(faultsOf([start, r1, r3, r2, r4, intoB, r5, r6])).toMatchObject({ reordered: 1, misplaced: 1 });
  });

  it('shows a reading whose bytes are not the stored ones', () => {
    expect(faultsOf([start, r1, reading('a', 2, 2, 99), r3, r4, intoB, r5, r6])).toEqual({ ...noFaults, different: 1 });
  });

  it('shows a reading that stands elsewhere in PostgreSQL', () => {
    const swapped = new StoredStream([place('a', 1, 2), place('a', 2, 1)]);
    const records = [start, r1, r2];
    expect(checkReceived([{ deviceId: 'd', acknowledged: 2, sent: 2 }], swapped, records).faults.different).toBe(2);
  });

  it('shows a reading that PostgreSQL does not have', () => {
    const { faults } = checkReceived([{ deviceId: 'd', acknowledged: 0, sent: 1 }], new StoredStream([]), [start, r1]);
    expect(faults).toEqual({ ...noFaults, unstored: 1 });
  });

  it('shows readings that nobody sent, by their number or their device', () => {
    const strange: ConsumerRecord = { kind: 'reading', ...place('a', 2, 1), deviceId: 'x' };
    const { faults } = checkReceived([{ deviceId: 'd', acknowledged: 0, sent: 0 }], stored, [start, r1, strange]);
    expect(faults.invented).toBe(2);
  });

  it('shows an epoch that was not announced', () => {
    expect(faultsOf([start, r1, r2, r3, r4, r5, r6])).toEqual({ ...noFaults, misplaced: 1 });
  });

  it('excuses and counts what a gap names', () => {
    const received = checkReceived(sent, stored, [start, r1, gap('a', 2, 3), r4, intoB, r5, r6]);
    expect(received).toEqual({ faults: noFaults, readings: 4, declaredLost: 2, notRecovered: 0 });
  });

  it('shows what lies before a gap and is not named by it', () => {
    const faults = faultsOf([start, r1, gap('a', 3, 3), r4, intoB, r5, r6]);
    expect(faults).toEqual({ ...noFaults, lostMiddle: 1, undeclaredGaps: 1 });
  });

  it('excuses the rest of an epoch that could not be served any more', () => {
    const lost = gap('a', 3, Number.MAX_SAFE_INTEGER);
    const received = checkReceived(sent, stored, [start, r1, r2, subscribed('b', 0, false), lost, r5, r6]);
    expect(received).toEqual({ faults: noFaults, readings: 4, declaredLost: 2, notRecovered: 1 });
  });

  it('does not excuse a loss that only recovered:false hints at', () => {
    expect(faultsOf([start, r1, r2, subscribed('b', 0, false), r5, r6])).toEqual({ ...noFaults, lostMiddle: 2 });
  });

  it('does not count numbers that a narrowed consumer left out, and still its own losses', () => {
    expect(checkReceived(sent, stored, [start, r1, r4, intoB, r6], { narrowed: true }).faults).toEqual({
      ...noFaults,
      lostMiddle: 3,
    });
  });
});
