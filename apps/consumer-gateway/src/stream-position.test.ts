import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLost, wentBack } from './check-tails.ts';
import { startSession, wants } from './consumer-session.ts';
import { type Position, placeBatch } from './stream-position.ts';

const position: Position = { epoch: 'one', seq: 10 };

describe('a batch', () => {
  it.each([
    ['that follows is next', { epoch: 'one', firstSeq: 11, count: 5 }, 'next'],
    ['that was passed on is known', { epoch: 'one', firstSeq: 8, count: 3 }, 'known'],
    ['that leaves something out before it shows a hole', { epoch: 'one', firstSeq: 12, count: 1 }, 'hole'],
    ['that is known in part only shows a hole', { epoch: 'one', firstSeq: 10, count: 2 }, 'hole'],
    ['that begins another epoch begins it', { epoch: 'two', firstSeq: 1, count: 2 }, 'new-epoch'],
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

describe('a session', () => {
  it('wants the streams it receives and those that are being opened, and no other', () => {
    const session = startSession(false, { perSecond: 1, burst: 1 }, 0);
    session.receiving.set('1', { deviceId: undefined });
    session.opening.set('2', { asked: { deviceId: 'a' }, answers: 1 });
    expect(['1', '2', '3'].map((producerId) => wants(session, producerId))).toEqual([true, true, false]);
  });
});
