import { Refusal } from '@motience/protocol';
import { expect, it } from 'vitest';
import { FewAtOnce, FewAtOnceForEach } from './few-at-once.ts';

const options = { atOnce: 2, waiting: 1, busy: 'too many dig' };
const kindOf = (error: unknown) => (error instanceof Refusal ? error.kind : error);

/** Work that ends when it is told to. */
function held() {
  let end = (_result: string) => {};
  const done = new Promise<string>((resolve) => {
    end = resolve;
  });
  let hasBegun = false;
  const work = () => {
    hasBegun = true;
    return done;
  };
  return { work, end, begun: () => hasBegun };
}

it('begins what comes first, has others wait, and refuses what is more', async () => {
  const few = new FewAtOnce(options);
  const [one, two, three] = [held(), held(), held()];
  const answers = [few.run(one.work), few.run(two.work), few.run(three.work)];
  await expect(few.run(held().work)).rejects.toMatchObject({ kind: 'unavailable', retryAfterSeconds: 1 });
  expect([one.begun(), two.begun(), three.begun()]).toEqual([true, true, false]);
  two.end('second');
  await answers[1];
  const four = few.run(async () => 'fourth');
  three.end('third');
  expect(await Promise.all([answers[1], answers[2], four])).toEqual(['second', 'third', 'fourth']);
  one.end('first');
  await answers[0];
  expect(few.size).toBe(0);
});

it('has room again after what failed', async () => {
  const few = new FewAtOnce({ ...options, atOnce: 1, waiting: 0 });
  for (let times = 0; times < 3; times += 1) {
    await expect(few.run(() => Promise.reject(new Error('stone')))).rejects.toThrow('stone');
  }
});

it('does not begin what nobody waits for when its turn comes', async () => {
  const few = new FewAtOnce({ ...options, atOnce: 1 });
  const first = held();
  const one = few.run(first.work);
  const leaving = new AbortController();
  const second = held();
  const two = few.run(second.work, leaving.signal);
  leaving.abort();
  first.end('done');
  expect(await one).toBe('done');
  expect(kindOf(await two.catch((error: unknown) => error))).toBe('unavailable');
  expect(second.begun()).toBe(false);
});

it('counts for each who asks', async () => {
  const each = new FewAtOnceForEach({ all: options, each: { ...options, atOnce: 1, waiting: 0 } });
  const first = held();
  const one = each.run('ann', first.work);
  await expect(each.run('ann', held().work)).rejects.toMatchObject({ kind: 'unavailable' });
  expect(await each.run('bob', async () => 'bob’s')).toBe('bob’s');
  first.end('ann’s');
  expect(await one).toBe('ann’s');
  expect(await each.run('ann', async () => 'again')).toBe('again');
});
