import { Refusal } from '@motience/protocol';
import { describe, expect, it } from 'vitest';
import { PasswordHasher } from './password-hasher.ts';

/** A promise and what resolves it. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('PasswordHasher', () => {
  it('tells right passwords from wrong ones, and no account from any password', async () => {
    const hasher = await PasswordHasher.create({ atOnce: 1, waiting: 0 });
    await hasher.withPlace(async (place) => {
      const hash = await place.hash('a password');
      expect(await place.matches(hash, 'a password')).toBe(true);
      expect(await place.matches(hash, 'a passworD')).toBe(false);
      expect(await place.matches(undefined, 'a password that no account has')).toBe(false);
    });
  });

  it('gives the same password another hash each time', async () => {
    const hasher = await PasswordHasher.create({ atOnce: 2, waiting: 0 });
    const hash = () => hasher.withPlace((place) => place.hash('a password'));
    expect(await hash()).not.toBe(await hash());
  });

  it('lets only so many work at once, in turn, and only so many wait', async () => {
    const hasher = await PasswordHasher.create({ atOnce: 1, waiting: 2 });
    const { open, opened } = gate();
    const order: number[] = [];
    const work = (n: number) =>
      hasher.withPlace(async () => {
        order.push(n);
        await opened;
      });
    const accepted = [work(1), work(2), work(3)];
    await expect(work(4)).rejects.toBeInstanceOf(Refusal);
    await expect(work(5)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(order).toEqual([1]);
    open();
    await Promise.all(accepted);
    expect(order).toEqual([1, 2, 3]);
  });

  it('gives a place back when its work fails', async () => {
    const hasher = await PasswordHasher.create({ atOnce: 1, waiting: 0 });
    await expect(
      hasher.withPlace(async () => {
        throw new Error('failed');
      }),
    ).rejects.toThrow('failed');
    expect(await hasher.withPlace(async () => 'next')).toBe('next');
  });
});
