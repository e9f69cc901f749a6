import type { Position } from '@motience/stream-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLost, wentBack } from './check-tails.ts';
import { bridgeTo, placeBatch } from './stream-position.ts';

const position: Position = { epoch: 'one', seq: 10 };

describe('a batch', () => {
  it.each([
    ['that follows is next', { epoch: 'one', firstSeq: 11, count: 5 }, 'next'],
    ['that was passed on is known', { epoch: 'one', firstSeq: 8, count: 3 }, 'known'],
    ['that leaves something out before it shows a hole', { epoch: 'one', firstSeq: 12, count: 1 }, 'hole'],
    ['that is known in part only shows a hole', { epoch: 'one', firstSeq: 10, count: 2 }, 'hole'],
    ['that begins another epoch shows a hole', { epoch: 'two', firstSeq: 1, count: 2 }, 'hole'],
    ['from the middle of another epoch shows a hole', { epoch: 'two', firstSeq: 11, count: 1 }, 'hole'],
  ])('%s', (_, batch, arrival) => {
    expect(placeBatch(position, batch)).toBe(arrival);
  });

  it('is never passed on twice or past a hole, whatever is lost or comes again', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(counts, fc.infiniteStream(fc.constantFrom('once', 'once', 'twice', 'lost')), (sizes, fates) => {
        let at: Position = { epoch: 'one', seq: 0 };
        let next = 1;
        let broken = false;
        const passed: number[] = [];
        for (const count of sizes) {
          const batch = { epoch: 'one', firstSeq: next, count };
          next += count;
          const fate = fates.next().value;
          for (let copy = fate === 'lost' ? 2 : fate === 'once' ? 1 : 0; copy < 2 && !broken; copy += 1) {
            const arrival = placeBatch(at, batch);
            if (arrival === 'hole') broken = true;
            if (arrival !== 'next') continue;
            for (let seq = batch.firstSeq; seq < batch.firstSeq + count; seq += 1) passed.push(seq);
            at = { epoch: 'one', seq: batch.firstSeq + count - 1 };
          }
        }
        expect(passed).toEqual(passed.map((_, index) => index + 1));
      }),
    );
  });
});

describe('a head that was seen some seconds ago', () => {
  it.each([
    ['nowhere is not lost', undefined, false],
    ['where the stream stands is not lost', { epoch: 'one', seq: 10 }, false],
    ['that was passed since is not lost', { epoch: 'one', seq: 9 }, false],
    ['that was not reached since is lost', { epoch: 'one', seq: 11 }, true],
    ['in an epoch that did not begin here is lost', { epoch: 'two', seq: 0 }, true],
  ])('%s', (_, head, lost) => {
    expect(isLost(position, head)).toBe(lost);
  });
});

describe('a head that is read', () => {
  it.each([
    ['where the stream stood has not gone back', { epoch: 'one', seq: 10 }, false],
    ['before it has gone back', { epoch: 'one', seq: 9 }, true],
    ['in another epoch has not gone back', { epoch: 'two', seq: 0 }, false],
  ])('%s', (_, head, back) => {
    expect(wentBack(position, head)).toBe(back);
  });
});

describe('one who stands at a position of its own', () => {
  const batch = (firstSeq: number, count: number, epoch = 'one') => ({
    epoch,
    firstSeq,
    count,
    bytesBefore: 0,
    bytesThrough: 0,
    batch: Buffer.of(),
  });
  const stream: Position = { epoch: 'one', seq: 10 };

  it.each([
    ['where the stream does joins it', { epoch: 'one', seq: 10 }, [], { type: 'join', batches: [] }],
    ['beyond it is ahead', { epoch: 'one', seq: 11 }, [], { type: 'ahead' }],
    ['in another epoch is ahead', { epoch: 'two', seq: 0 }, [], { type: 'ahead' }],
    ['before it is behind', { epoch: 'one', seq: 7 }, [], { type: 'behind' }],
    ['before what is remembered is behind', { epoch: 'one', seq: 7 }, [batch(9, 2)], { type: 'behind' }],
    [
      'before the last batches joins with them',
      { epoch: 'one', seq: 7 },
      [batch(6, 1), batch(7, 2), batch(9, 2)],
      { type: 'join', batches: [batch(7, 2), batch(9, 2)] },
    ],
    [
      'joins without those of a former epoch',
      { epoch: 'one', seq: 0 },
      [batch(9, 9, 'zero'), batch(1, 10)],
      { type: 'join', batches: [batch(1, 10)] },
    ],
  ])('%s', (_, own, recent, bridge) => {
    expect(bridgeTo(stream, recent, own)).toEqual(bridge);
  });
});
