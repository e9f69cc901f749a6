import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LogCorner } from './log-corner.fixture.ts';
import { ManagerTable } from './manager-table.ts';

let corner: LogCorner;
let table: ManagerTable;
beforeEach(async () => {
  corner = await LogCorner.open();
  table = new ManagerTable(corner.redis, corner.keys);
});
afterEach(() => corner.close());

it('tells each manager which are there, without those that have left', async () => {
  expect(await table.announce('a')).toEqual(['a']);
  expect((await table.announce('b')).sort()).toEqual(['a', 'b']);
  await table.leave('a');
  expect(await table.announce('b')).toEqual(['b']);
});

it('counts one that says nothing more for 3 seconds as gone', async () => {
  await table.announce('a');
  const since = performance.now();
  expect(await table.announce('b')).toContain('a');
  await vi.waitFor(async () => expect(await table.announce('b')).toEqual(['b']), { timeout: 30_000, interval: 50 });
  expect(performance.now() - since).toBeGreaterThan(2_900);
});

it('forgets one that a clock ahead of this one has noted', async () => {
  await corner.redis.zadd(corner.keys.managers, Date.now() + 60_000, 'a');
  expect(await table.announce('b')).toEqual(['b']);
});
