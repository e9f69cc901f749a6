import { describe, expect, it } from 'vitest';
import { type HashingPlace, PasswordHasher } from './password-hasher.ts';

/** A promise and what resolves it. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

const client = (address = '203.0.113.1', signal = new AbortController().signal) => ({ address, signal });

function release(open: () => void, held: Promise<void>): Promise<void> {
  open();
  return held;
}

/** A hasher with one place, which is held until `open`. */
async function held(options: { waiting: number; waitMs?: number }) {
  const hasher = await PasswordHasher.create({ atOnce: 1, ...options });
  const { open, opened } = gate();
  const first = hasher.withPlace(client('first'), () => opened);
  const order: string[] = [];
  const ask = (name: string, by = client(name)) => hasher.withPlace(by, async () => void order.push(name));
  return { hasher, order, ask, open: () => release(open, first) };
}

describe('PasswordHasher', () => {
  it('tells right passwords from wrong ones, and no account from any password', async () => {
    const hasher = await PasswordHasher.create({ atOnce: 1, waiting: 0 });
    await hasher.withPlace(client(), async (place) => {
      const hash = await place.hash('a password');
      expect(await place.matches(hash, 'a password')).toBe(true);
      expect(await place.matches(hash, 'a passworD')).toBe(false);
      expect(await place.matches(undefined, 'a password that no account has')).toBe(false);
    });
  });

  it('gives the same password another hash each time', async () => {
    const hasher = await PasswordHasher.create({ atOnce: 2, waiting: 0 });
    const hash = () => hasher.withPlace(client(), (place: HashingPlace) => place.hash('a password'));
    expect(await hash()).not.toBe(await hash());
  });

  it('lets only so many work at once, and only so many wait', async () => {
    const { ask, order, open } = await held({ waiting: 2 });
    const accepted = [ask('a'), ask('b')];
    await expect(ask('c')).rejects.toMatchObject({ kind: 'unavailable', retryAfterSeconds: 1 });
    expect(order).toEqual([]);
    await Promise.all([open(), ...accepted]);
    expect(order).toEqual(['a', 'b']);
  });

  it('lets one address have a quarter of those that wait, and addresses take turns', async () => {
    const { ask, order, open } = await held({ waiting: 8 });
    const flood = client('flood');
    const accepted = [ask('flood 1', flood), ask('flood 2', flood)];
    await expect(ask('flood 3', flood)).rejects.toMatchObject({ kind: 'rate-limited', retryAfterSeconds: 1 });
    accepted.push(ask('other'));
    await Promise.all([open(), ...accepted]);
    expect(order).toEqual(['flood 1', 'other', 'flood 2']);
  });

  it('forgets those who go away, and computes nothing for them', async () => {
    const { hasher, ask, order, open } = await held({ waiting: 2 });
    const gone = new AbortController();
    const abandoned = [ask('gone', client('a', gone.signal)), ask('gone too', client('b', gone.signal))];
    const told = Promise.allSettled(abandoned);
    expect(hasher.waiting).toBe(2);
    gone.abort();
    expect(hasher.waiting).toBe(0);
    expect((await told).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(ask('gone before', client('c', gone.signal))).rejects.toThrow('gone');
    const stays = ask('stays');
    await Promise.all([open(), stays]);
    expect(order).toEqual(['stays']);
  });

  it('tells who has waited too long, and computes nothing for them', async () => {
    const { hasher, ask, order, open } = await held({ waiting: 8, waitMs: 300 });
    await expect(ask('late')).rejects.toMatchObject({ kind: 'unavailable', retryAfterSeconds: 1 });
    expect(hasher.waiting).toBe(0);
    await open();
    expect(order).toEqual([]);
  });

  it('tells at once who would have to wait too long', async () => {
    const { hasher, ask, open } = await held({ waiting: 1_000, waitMs: 300 });
    const asked = Promise.allSettled(Array.from({ length: 1_000 }, (_, n) => ask(`address ${n}`)));
    // A hash takes some milliseconds, so not all of a thousand can have theirs within 300 ms.
    expect(hasher.waiting).toBeLessThan(500);
    await open();
    await asked;
  });

  it('gives a place back when its work fails', async () => {
    const hasher = await PasswordHasher.create({ atOnce: 1, waiting: 0 });
    await expect(
      hasher.withPlace(client(), async () => {
        throw new Error('failed');
      }),
    ).rejects.toThrow('failed');
    expect(await hasher.withPlace(client(), async () => 'next')).toBe('next');
  });
});
