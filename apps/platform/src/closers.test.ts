import { expect, test } from 'vitest';
import { Closers } from './closers.ts';

test('everything is closed, the last first and once, also where one of them fails; the failures are told after', async () => {
  const closers = new Closers();
  const closed: string[] = [];
  const closing = (name: string, fails = false) =>
    closers.add(async () => {
      closed.push(name);
      if (fails) throw new Error(`${name} is stuck`);
    });
  closing('engines');
  closing('page', true);
  closing('service', true);

  await expect(closers.close()).rejects.toThrow('service is stuck\npage is stuck');
  expect(closed).toEqual(['service', 'page', 'engines']);
  await closers.close();
  expect(closed).toHaveLength(3);
});
