import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { LogCorner } from './log-corner.fixture.ts';
import type { UsageReport } from './usage-entry.ts';
import { type CreditChange, UsageLog } from './usage-log.ts';
import { type CreditAsk, type UsageCall, UsageReporter } from './usage-reporter.ts';

let redis: PrivateEngine;
let corner: LogCorner;
let log: UsageLog;

beforeAll(async () => {
  redis = await startPrivateRedis();
});
afterAll(() => redis.close());
beforeEach(async () => {
  corner = await LogCorner.open(redis.url);
  log = new UsageLog(corner.redis, corner.keys);
});
afterEach(() => corner.close());

const subscriptionId = '7';
const nothing: UsageCall = { reports: [], credits: [], marks: [], forget: [], find: [] };
const ask = (more: Partial<CreditAsk> = {}): CreditAsk => ({
  subscriptionId,
  spent: 0,
  holds: 0,
  wants: 0,
  isReceived: true,
  ...more,
});
const change = (more: Partial<CreditChange> = {}): CreditChange => ({
  subscriptionId,
  unit: 'readings',
  units: 0,
  state: 'open',
  warning: 0,
  ...more,
});
const span = (from: number, to: number) => ({ epoch: 'e', from, to, bytesBefore: from * 10, bytesThrough: to * 10 });
const report = (from: number, to: number): UsageReport => ({
  subscriptionId,
  spans: [span(from, to)],
  spent: to - from + 1,
});
const gateway = (id: string, maxLogBytes?: number) => new UsageReporter(corner.redis, corner.keys, id, maxLogBytes);
const call = (reporter: UsageReporter, more: Partial<UsageCall>) =>
  reporter.report(reporter.nextNumber(), { ...nothing, ...more });
const take = async (reporter: UsageReporter, wants: number, holds = 0) =>
  (await call(reporter, { credits: [ask({ wants, holds })] })).slices[0];
const inspect = async (fence = 1) => (await log.inspect(fence, [subscriptionId]))[0];
let fences = 0;
/** Opens a credit as billing does: it looks first, under a fence of its own. */
async function open(more: Partial<CreditChange>, fence = ++fences): Promise<void> {
  await inspect(fence);
  await log.settle(fence, [], [change(more)]);
}

it('what is taken is leased, what is reported waits in the log, what is settled is gone', async () => {
  await open({ units: 100 });
  const one = gateway('one');
  expect(await take(one, 60)).toMatchObject({ unit: 'readings', state: 'open', holds: 60 });
  expect(await inspect()).toMatchObject({ left: 40, leased: 60, reported: 0 });
  await call(one, { reports: [report(1, 25)], credits: [ask({ spent: 25, holds: 35 })] });
  expect(await inspect()).toMatchObject({ left: 40, leased: 35, reported: 25 });
  const [entry] = await log.read(10);
  expect(entry).toMatchObject({ gatewayId: 'one', reports: [report(1, 25)], wants: [] });
  expect(Math.abs((entry?.atMs ?? 0) - Date.now())).toBeLessThan(5_000);
  await log.settle(1, [entry?.id ?? ''], []);
  expect(await inspect()).toMatchObject({ left: 40, leased: 35, reported: 0 });
  expect(await log.read(10)).toEqual([]);
});

it('a call that is repeated under its number reports once, and takes once', async () => {
  await open({ units: 100 });
  const one = gateway('one');
  await take(one, 50);
  const again = { ...nothing, reports: [report(1, 20)], credits: [ask({ spent: 20, holds: 30, wants: 40 })] };
  const number = one.nextNumber();
  const first = await one.report(number, again);
  expect(await one.report(number, again)).toEqual(first);
  expect(first.slices[0]?.holds).toBe(70);
  expect(await inspect()).toMatchObject({ left: 10, leased: 70, reported: 20 });
  expect(await log.read(10)).toHaveLength(1);
});

it('many gateways at once never take more than is left', async () => {
  await open({ units: 100 });
  const slices = await Promise.all(Array.from({ length: 30 }, (_, at) => take(gateway(`g${at}`), 7)));
  expect(slices.reduce((sum, slice) => sum + (slice?.holds ?? 0), 0)).toBe(100);
  expect(await inspect()).toMatchObject({ left: 0, leased: 100 });
});

it('a gateway never keeps more than it took, and what it does not know of is given back', async () => {
  await open({ units: 100 });
  const one = gateway('one');
  await take(one, 10);
  expect(await take(one, 0, 90)).toMatchObject({ holds: 10 });
  expect(await take(one, 5, 0)).toMatchObject({ holds: 5 });
  expect(await inspect()).toMatchObject({ left: 95, leased: 5 });
});

it('credit that there is none of is wanted, announced, and opened', async () => {
  const wanted = vi.fn();
  await log.listen(corner.subscriber(), wanted);
  const changes: (string | undefined)[] = [];
  const one = gateway('one');
  await one.listen(corner.subscriber(), (id) => changes.push(id));
  expect(await take(one, 10)).toMatchObject({ unit: undefined, state: undefined, holds: 0 });
  await vi.waitFor(() => expect(wanted).toHaveBeenCalled(), 30_000);
  expect((await log.read(10)).map(({ wants }) => wants)).toEqual([[subscriptionId]]);
  expect(await inspect()).toMatchObject({ state: undefined, interestedAtMs: expect.any(Number) });
  await open({ units: 10 });
  await vi.waitFor(() => expect(changes).toEqual([subscriptionId]), 30_000);
  expect(await take(one, 10)).toMatchObject({ unit: 'readings', state: 'open', holds: 10 });
});

it('a closed credit is wanted again, one that is short too, a stopped one is not, nor one that nobody receives', async () => {
  const one = gateway('one');
  const wants = async () => (await log.read(10)).map((entry) => entry.wants);
  await open({ units: 10, state: 'stopped', reason: 'insufficient-funds', warning: 5 });
  expect(await take(one, 20)).toMatchObject({ holds: 10, state: 'stopped', reason: 'insufficient-funds', warning: 5 });
  expect(await wants()).toEqual([]);
  await open({ units: 5 });
  await call(one, { credits: [ask({ wants: 20, isReceived: false })] });
  expect(await wants()).toEqual([]);
  await take(one, 20);
  expect(await wants()).toEqual([[subscriptionId]]);
  await open({ state: 'closed' });
  expect(await take(one, 5)).toMatchObject({ state: 'closed' });
  expect(await wants()).toHaveLength(2);
});

it('credit of time says how long it lasts, and unlimited credit takes no units', async () => {
  const one = gateway('one');
  await open({ unit: 'time', untilMs: Date.now() + 60_000 });
  const slice = await take(one, 5);
  expect(slice).toMatchObject({ unit: 'time', holds: 0 });
  expect(slice?.restMs).toBeGreaterThan(50_000);
  await open({ unit: 'unlimited' });
  expect(await take(one, 5)).toMatchObject({ unit: 'unlimited', holds: 0, restMs: undefined });
  expect(await log.read(10)).toEqual([]);
});

it('a change that comes again, because its answer was lost, changes nothing', async () => {
  await inspect(7);
  for (let round = 0; round < 3; round += 1) {
    expect([...(await log.settle(7, [], [change({ units: 10 })]))]).toEqual([subscriptionId]);
  }
  expect(await inspect(7)).toMatchObject({ left: 10 });
});

it('what billing decided is worth nothing once somebody looked under a higher fence', async () => {
  await open({ units: 10 }, 1);
  await inspect(2);
  expect([...(await log.settle(1, [], [change({ units: 10 })]))]).toEqual([]);
  expect([...(await log.settle(2, [], [change({ units: 5 })]))]).toEqual([subscriptionId]);
  expect(await inspect(1)).toMatchObject({ left: 15 });
  expect([...(await log.settle(1, [], [change({ units: 10 })]))]).toEqual([]);
});

it('units can be taken back, as far as they are there', async () => {
  await open({ units: 10 });
  await take(gateway('one'), 4);
  await open({ units: -100, state: 'closed' });
  expect(await inspect()).toMatchObject({ left: 0, leased: 4, state: 'closed' });
});

it('an entry that is settled twice counts once', async () => {
  await open({ units: 100 });
  const one = gateway('one');
  await take(one, 100);
  await call(one, { reports: [report(1, 30)], credits: [ask({ spent: 30, holds: 70 })] });
  await call(one, { reports: [report(31, 50)], credits: [ask({ spent: 20, holds: 50 })] });
  const [first] = await log.read(1);
  await log.settle(1, [first?.id ?? ''], []);
  await log.settle(1, [first?.id ?? ''], []);
  expect(await inspect()).toMatchObject({ leased: 50, reported: 20 });
});

it('what a gateway had taken that says nothing more is dropped, and is not there when it comes back', async () => {
  await open({ units: 100 });
  const one = gateway('one');
  await take(one, 60);
  await corner.redis.zadd(`${corner.keys.usagePrefix}gateways`, Date.now() - 6_000, 'one');
  expect(await inspect()).toMatchObject({ left: 40, leased: 0 });
  expect(await take(one, 0, 60)).toMatchObject({ holds: 0 });
  await take(one, 10);
  await corner.redis.zadd(`${corner.keys.usagePrefix}gateways`, Date.now() - 6_000, 'one');
  expect(await take(one, 0, 10)).toMatchObject({ holds: 0 });
});

it('while the log is full nobody gets more, and reports are taken all the same', async () => {
  await open({ units: 100 });
  const one = gateway('one', 120);
  await take(one, 50);
  await call(one, { reports: [report(1, 20), report(21, 40)], credits: [ask({ spent: 40, holds: 10 })] });
  await call(one, { reports: [report(41, 45), report(46, 50)], credits: [ask({ spent: 10, holds: 0 })] });
  expect(await take(one, 50)).toMatchObject({ holds: 0, state: 'open' });
  const entries = await log.read(10);
  expect(entries.flatMap(({ reports }) => reports)).toHaveLength(4);
  await log.settle(
    1,
    entries.map(({ id }) => id),
    [],
  );
  expect(await take(one, 50)).toMatchObject({ holds: 50 });
  expect(await corner.redis.hget(`${corner.keys.usagePrefix}state`, 'bytes')).toBe('0');
});

it('in another life of Redis credit is worth nothing, while what was reported is still there', async () => {
  await open({ units: 100 });
  const one = gateway('one');
  await take(one, 60);
  await call(one, { reports: [report(1, 25)], credits: [ask({ spent: 25, holds: 35 })] });
  await redis.kill();
  await redis.restart();
  expect(await take(one, 60, 35)).toMatchObject({ unit: undefined, state: undefined, holds: 0 });
  expect(await inspect(2)).toMatchObject({ state: undefined, left: 0, leased: 0, reported: 0 });
  expect((await log.read(10)).map(({ reports }) => reports)).toEqual([[report(1, 25)], []]);
});

it('tells where receptions stand, and which nobody reports for any more', async () => {
  const one = gateway('one');
  const two = gateway('two');
  const place = { epoch: 'e', seq: 5, bytes: 50, mostReadings: 10, mostBytes: 1_000, hasEnded: false };
  const mark = (reception: string, stands: typeof place | undefined) => ({ subscriptionId, reception, stands });
  await call(one, { marks: [mark('a', place), mark('b', { ...place, hasEnded: true }), mark('c', place)] });
  await call(one, { marks: [mark('c', undefined)] });
  const find = async () => (await call(two, { find: [subscriptionId] })).found[0];
  expect(await find()).toEqual([
    { name: 'one/a', place, isOver: false },
    { name: 'one/b', place: { ...place, hasEnded: true }, isOver: true },
  ]);
  await corner.redis.zadd(`${corner.keys.usagePrefix}gateways`, Date.now() - 6_000, 'one');
  expect((await find())?.map(({ isOver }) => isOver)).toEqual([true, true]);
  await call(two, { forget: ['one/a', 'one/b'].map((name) => ({ subscriptionId, name })) });
  expect(await find()).toEqual([]);
});

it('passes over an entry that it cannot read, and keeps it', async () => {
  const unreadable = vi.fn();
  await corner.redis.xadd(
    corner.keys.usageLog,
    '*',
    'gateway',
    'x',
    'reports',
    '[["7",1,[["e",5,1,0,0]]]]',
    'wants',
    '',
  );
  await log.want([subscriptionId, '8']);
  expect((await log.read(10, unreadable)).map(({ wants }) => wants)).toEqual([[subscriptionId, '8']]);
  expect(unreadable).toHaveBeenCalledOnce();
  expect(await log.read(1), 'as many as were asked for').toHaveLength(1);
  expect(await log.count()).toBe(2);
});

it('who wants time of the past to be paid for waits until billing has looked at that', async () => {
  const time: Partial<CreditChange> = { unit: 'time', untilMs: Date.now() + 60_000 };
  await open({ ...time, coveredFromMs: 5_000 });
  const [one, two] = [gateway('one'), gateway('two')];
  expect(await take(one, 0)).toMatchObject({ unit: 'time', coveredFromMs: 5_000, isCoverPending: false });
  const wish = async (reporter: UsageReporter, coverFromMs: number) =>
    (await call(reporter, { credits: [ask({ coverFromMs })] })).slices[0];
  expect(await wish(one, 3_000)).toMatchObject({ coveredFromMs: 5_000, isCoverPending: true });
  expect((await log.read(10)).at(-1)).toMatchObject({ wants: [subscriptionId] });
  expect(await wish(two, 4_000)).toMatchObject({ isCoverPending: true });
  expect(await inspect()).toMatchObject({ coveredFromMs: 5_000, toCoverFromMs: 3_000 });

  // Somebody asks for more while billing looks.
  const fence = ++fences;
  await inspect(fence);
  await wish(two, 2_000);
  await log.settle(fence, [], [change({ ...time, coveredFromMs: 3_000, answeredCoverMs: 3_000 })]);
  expect(await take(one, 0)).toMatchObject({ coveredFromMs: 3_000, isCoverPending: true });
  await open({ ...time, answeredCoverMs: 2_000 });
  expect(await take(one, 0)).toMatchObject({ coveredFromMs: 3_000, isCoverPending: false });
  expect(await inspect()).toMatchObject({ toCoverFromMs: undefined });

  // Credit in another unit says nothing of time, nor does credit that was taken back.
  await wish(one, 1_000);
  await open({ unit: 'readings', units: 1 });
  expect(await take(one, 0)).toMatchObject({ coveredFromMs: undefined, isCoverPending: false });
});
