import { orLate } from './or-late.ts';

/** Waits for work, but no longer than `milliseconds`; whether it came to its end. Passes its failure on. */
export async function settleWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const done = work.then(() => true);
  return orLate(done, milliseconds, () => false);
}
