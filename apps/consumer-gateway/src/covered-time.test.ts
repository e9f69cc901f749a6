import type { Slice } from '@motience/stream-log';
import { describe, expect, it } from 'vitest';
import { CoveredTime } from './covered-time.ts';
import { sliceOf } from './slice.fixture.ts';

const slice = (more: Partial<Slice> = {}): Slice =>
  sliceOf({ unit: 'time', holds: 0, restMs: 1_000, coveredFromMs: 500, ...more });

/** What a promise has come to, once all that is due has been done. */
async function outcome(answered: Promise<number>): Promise<number | 'waits'> {
  return Promise.race([answered, new Promise<'waits'>((resolve) => setImmediate(() => resolve('waits')))]);
}

describe('the time that is paid for', () => {
  it('is known at once where it reaches back far enough', async () => {
    const covered = new CoveredTime();
    covered.answer(slice());
    expect(await outcome(covered.from(500))).toBe(500);
    expect(covered.isDue).toBe(false);
  });

  it('is asked for once, and waited for until billing has looked at it', async () => {
    const covered = new CoveredTime();
    covered.answer(slice());
    const [early, late] = [covered.from(100), covered.from(300)];
    expect(covered.takeAsk()).toBe(100);
    expect([covered.isDue, covered.takeAsk()]).toEqual([false, undefined]);
    covered.answer(slice({ isCoverPending: true }));
    expect([await outcome(early), await outcome(late)]).toEqual(['waits', 'waits']);
    covered.answer(slice({ coveredFromMs: 250 }));
    expect([await outcome(early), await outcome(late)]).toEqual([250, 250]);
  });

  it('is not told by the answer to a call that was made before it was asked for', async () => {
    const covered = new CoveredTime();
    const asked = covered.from(100);
    covered.answer(slice());
    expect(await outcome(asked)).toBe('waits');
    expect(covered.takeAsk()).toBe(100);
    covered.answer(slice({ coveredFromMs: 90, isCoverPending: true }));
    expect(await outcome(asked)).toBe(90);
  });

  it('is asked for again when what Redis knew is lost', async () => {
    const covered = new CoveredTime();
    const asked = covered.from(100);
    covered.takeAsk();
    covered.answer(slice({ unit: undefined, state: undefined, coveredFromMs: undefined }));
    expect([await outcome(asked), covered.takeAsk()]).toEqual(['waits', 100]);
  });

  it.each(['readings', 'bytes', 'unlimited'] as const)('is all of it on credit of %s', async (unit) => {
    const covered = new CoveredTime();
    const asked = covered.from(100);
    covered.answer(slice({ unit, coveredFromMs: undefined }));
    expect(await outcome(asked)).toBe(Number.NEGATIVE_INFINITY);
  });
});
