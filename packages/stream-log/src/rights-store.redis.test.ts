import { randomUUID } from 'node:crypto';
import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { LogCorner } from './log-corner.fixture.ts';
import { RightsStore } from './rights-store.ts';

let redis: PrivateEngine;
let corner: LogCorner;
let rights: RightsStore;

beforeAll(async () => {
  redis = await startPrivateRedis();
});
afterAll(() => redis.close());
beforeEach(async () => {
  corner = await LogCorner.open(redis.url);
  rights = new RightsStore(corner.redis, corner.keys);
});
afterEach(() => corner.close());

const rebuild = async () => rights.finishRebuild(await rights.beginRebuild());
/** How often Redis was given a command meanwhile. */
async function countCalls(command: string, doing: () => Promise<unknown>): Promise<number> {
  const calls = async () =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await corner.redis.info('commandstats'))?.[1] ?? 0);
  const before = await calls();
  await doing();
  return (await calls()) - before;
}

const restart = () => redis.kill().then(() => redis.restart());

it('nothing may be read of a Redis that was restarted, with whatever data, until its rights are rebuilt', async () => {
  const session = { kind: 'session', accountId: '7', item: randomUUID(), seconds: 600 } as const;
  await rights.grant(session);
  await rights.grant({ kind: 'device', accountId: '7', item: 'a' });
  expect(await rights.read('device', '7', session.item)).toBeUndefined();
  expect(await rebuild()).toBe(true);
  const held = { sessionIsLive: true, items: new Map([['a', { since: 0 }]]) };
  expect(await rights.read('device', '7', session.item)).toEqual(held);
  await restart();
  expect(await rights.isComplete()).toBe(false);
  expect(await rights.read('device', '7', session.item)).toBeUndefined();
  expect(await rebuild()).toBe(true);
  expect(await rights.read('device', '7', session.item)).toEqual(held);
});

it('a rebuild that Redis was restarted in does not count, and neither does one that another has overtaken', async () => {
  const first = await rights.beginRebuild();
  await restart();
  expect(await rights.finishRebuild(first)).toBe(false);
  const second = await rights.beginRebuild();
  const third = await rights.beginRebuild();
  expect(await rights.finishRebuild(second)).toBe(false);
  expect(await rights.isComplete()).toBe(false);
  expect(await rights.finishRebuild(third)).toBe(true);
  expect(await rights.isComplete()).toBe(true);
});

async function accountsWithDevices(count: number) {
  const accounts = Array.from({ length: count }, (_, at) => ({ accountId: String(at + 1), item: randomUUID() }));
  for (const { accountId, item } of accounts) {
    await rights.grant({ kind: 'session', accountId, item, seconds: 600 });
    await rights.grant({ kind: 'device', accountId, item: `of-${accountId}` });
  }
  return accounts;
}

it('those who ask at once are each told what is theirs, and nothing when the rights are not complete', async () => {
  const accounts = await accountsWithDevices(50);
  const readAll = () => Promise.all(accounts.map(({ accountId, item }) => rights.read('device', accountId, item)));
  expect(await readAll()).toEqual(accounts.map(() => undefined));
  expect(await rebuild()).toBe(true);
  const held = accounts.map(({ accountId }) => ({
    sessionIsLive: true,
    items: new Map([[`of-${accountId}`, { since: 0 }]]),
  }));
  expect(await readAll()).toEqual(held);
  const commands = await countCalls('fcall', readAll);
  expect(commands).toBe(1);
});

it('those who ask at once are asked about with several calls when one would keep Redis busy for long', async () => {
  const accounts = await accountsWithDevices(150);
  const many = new Map(Array.from({ length: 10_000 }, (_, at) => [`device-${at}`, { since: 0 }]));
  await rights.replaceAll('device', '20', many);
  await rights.replaceAll('device', '60', many);
  await rebuild();
  const readAll = () => Promise.all(accounts.map(({ accountId, item }) => rights.read('device', accountId, item)));
  const answers = await readAll();
  expect(answers.map((rights) => rights?.items.size)).toEqual(
    accounts.map(({ accountId }) => (['20', '60'].includes(accountId) ? many.size : 1)),
  );
  expect(answers[59]?.items).toEqual(many);
  // 1 to 20, 21 to 60, 61 to 100; 101 to 150.
  expect(await countCalls('fcall', readAll)).toBe(4);
});

it('a session counts for the account it belongs to alone, and one that ended for nobody', async () => {
  const [one, other] = await accountsWithDevices(2);
  if (!one || !other) throw new Error('expected two accounts');
  await rebuild();
  const read = async (accountId: string, sessionId: string) =>
    (await rights.read('device', accountId, sessionId))?.sessionIsLive;
  expect(await Promise.all([read('1', one.item), read('2', one.item), read('2', randomUUID())])).toEqual([
    true,
    false,
    false,
  ]);
  await rights.revoke({ kind: 'session', accountId: '1', item: one.item });
  expect(await read('1', one.item)).toBe(false);
});
