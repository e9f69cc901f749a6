import { describe, expect, it } from 'vitest';
import { checkStored } from './check-stored.ts';
import { noFaults } from './fault-counts.ts';
import { StoredStream } from './stored-stream.ts';

/** Rows `epoch seq sequence`, such as `a 1 1`. */
const rows = (...texts: string[]) =>
  new StoredStream(
    texts.map((text) => {
      const [epoch = '', seq, sequence] = text.split(' ');
      return { epoch, seq: Number(seq), deviceId: 'd', sequence: Number(sequence), checksum: 0 };
    }),
  );
const sent = (acknowledged: number, all = acknowledged) => [{ deviceId: 'd', acknowledged, sent: all }];

describe('what PostgreSQL holds', () => {
  it('is faultless when every acknowledged reading is there once and in order over all epochs', () => {
    expect(checkStored(sent(4), rows('b 1 3', 'b 2 4', 'a 2 2', 'a 1 1'), ['a', 'b'])).toEqual(noFaults);
  });

  it('may hold readings whose acknowledgement did not arrive', () => {
    expect(checkStored(sent(1, 3), rows('a 1 1', 'a 2 2'), ['a'])).toEqual(noFaults);
  });

  it('shows lost readings by where they are missing', () => {
    const faults = checkStored(sent(8), rows('a 1 3', 'a 2 4', 'a 3 6'), ['a']);
    expect(faults).toEqual({ ...noFaults, lostPrefix: 2, lostMiddle: 1, lostTail: 2 });
  });

  it('shows the loss of everything', () => {
    expect(checkStored(sent(8), rows(), [])).toEqual({ ...noFaults, lostPrefix: 8 });
  });

  it('shows a reading that is stored again in a later epoch', () => {
    expect(checkStored(sent(2), rows('a 1 1', 'a 2 2', 'b 1 2'), ['a', 'b'])).toEqual({ ...noFaults, repeated: 1 });
  });

  it('shows readings in the wrong order, within an epoch and over epochs', () => {
    expect(checkStored(sent(2), rows('a 1 2', 'a 2 1'), ['a'])).toEqual({ ...noFaults, reordered: 1 });
    expect(checkStored(sent(2), rows('a 1 1', 'b 1 2'), ['b', 'a'])).toEqual({ ...noFaults, reordered: 1 });
  });

  it('shows skipped numbers, also at the beginning of an epoch', () => {
    const faults = checkStored(sent(3), rows('a 1 1', 'a 3 2', 'b 2 3'), ['a', 'b']);
    expect(faults).toEqual({ ...noFaults, undeclaredGaps: 2 });
  });

  it('shows readings that nobody sent', () => {
    expect(checkStored(sent(1), rows('a 1 1', 'a 2 2'), ['a'])).toEqual({ ...noFaults, invented: 1 });
  });

  it('counts more than two hundred and fifty-five repeats', () => {
    const same = Array.from({ length: 300 }, (_, at) => `a ${at + 1} 1`);
    expect(checkStored(sent(1), rows(...same), ['a'])).toEqual({ ...noFaults, repeated: 299 });
  });
});
