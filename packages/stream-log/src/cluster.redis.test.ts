import { type PrivateCluster, startPrivateCluster } from '@motience/engines/testing';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { boundByMemory } from './bound-by-memory.ts';
import { allMasters, masterOf, type RedisAddress, slotOf } from './connection.ts';
import { removeFormerFunctions } from './functions.ts';
import type { LiveBatch } from './live-streams.ts';
import { bodiesOf, LogCorner, segment, shardCount } from './log-corner.fixture.ts';
import { notePresence } from './presence.ts';
import { redisReadiness } from './redis-readiness.ts';
import { RightsStore } from './rights-store.ts';
import { shardOf } from './shards.ts';
import type { UsageReport } from './usage-entry.ts';
import { UsageLog } from './usage-log.ts';
import { UsageReporter } from './usage-reporter.ts';

let cluster: PrivateCluster;
let corner: LogCorner;
/** A producer of each shard; the shards lie on all three masters. */
const producers = Array.from({ length: shardCount }, (_, at) => String(at));

beforeAll(async () => {
  cluster = await startPrivateCluster({ replicas: true });
});
afterAll(() => cluster.close());
beforeEach(async () => {
  const address: RedisAddress = { nodes: cluster.masters.slice(0, 2).map(({ url }) => url) };
  corner = await LogCorner.open(address);
});
afterEach(() => corner.close());

/** Adds what is published on the streams of all producers, as `<producer> <epoch> <seq> <body>`, without the epoch. */
async function followAll(heard: string[]): Promise<string[]> {
  const live = corner.live();
  const back: string[] = [];
  live.listen(
    ({ producerId, firstSeq, batch }: LiveBatch) => {
      for (const [at, body] of bodiesOf(batch).entries()) heard.push(`${producerId} ${firstSeq + at} ${body}`);
    },
    (producerId) => back.push(producerId),
  );
  await Promise.all(producers.map((producerId) => live.follow(producerId)));
  return back;
}

async function sendAll(body: string): Promise<void> {
  await Promise.all(producers.map((producerId) => corner.storeFor(producerId, body)));
  await Promise.all(producers.map((producerId) => corner.writer().apply(shardOf(producerId, shardCount), 100)));
}

const said = (seq: number, body: string) => producers.map((producerId) => `${producerId} ${seq} ${body}`);

/** Producers that a body was heard of, as often as it was. */
const heardOf = (heard: readonly string[], body: string) =>
  heard
    .filter((text) => text.endsWith(` ${body}`))
    .map((text) => text.charAt(0))
    .sort();

/** The node of the test that holds a shard's keys. */
function holderOf(shard: number) {
  const { host, port } = masterOf(corner.redis, slotOf(corner.keys.ingest(shard)))?.options ?? {};
  const node = [...cluster.masters, ...cluster.replicas].find(({ address }) => address === `${host}:${port}`);
  if (!node) throw new Error(`no node holds shard ${shard}`);
  return node;
}

it('streams of all shards are stored, numbered and heard, over all masters', async () => {
  const heard: string[] = [];
  await followAll(heard);
  await sendAll('a');
  await sendAll('b');
  await vi.waitFor(() => expect(heard.sort()).toEqual([...said(1, 'a'), ...said(2, 'b')].sort()), 30_000);
  expect(new Set(producers.map((_, shard) => holderOf(shard).address)).size).toBe(3);
});

it('what is metered is reported, and credit given, on the one master that has it', async () => {
  const log = new UsageLog(corner.redis, corner.keys);
  const reporter = new UsageReporter(corner.redis, corner.keys, 'gateway');
  const report = (wants: number, reports: UsageReport[] = []) =>
    reporter.report(reporter.nextNumber(), {
      reports,
      credits: [{ subscriptionId: '7', spent: 0, holds: 0, wants, isReceived: true }],
      marks: [],
      forget: [],
      find: ['7'],
    });
  await log.inspect(1, ['7']);
  await log.settle(1, [], [{ subscriptionId: '7', unit: 'readings', units: 5, state: 'open', warning: 0 }]);
  const spans = [{ epoch: 'e', from: 1, to: 5, bytesBefore: 0, bytesThrough: 50 }];
  expect((await report(5, [{ subscriptionId: '7', spent: 0, spans }])).slices).toMatchObject([{ holds: 5 }]);
  const [entry] = await log.read(10);
  expect(entry?.reports).toEqual([{ subscriptionId: '7', spent: 0, spans }]);
});

it('functions are loaded where a master has lost them, and former ones removed from all', async () => {
  await sendAll('a');
  for (const master of await allMasters(corner.redis)) {
    await master.call('FUNCTION', 'FLUSH');
    await master.call(
      'FUNCTION',
      'LOAD',
      "#!lua name=motience_0123456789ab\nredis.register_function('motience_open_0123456789ab', function() end)",
    );
  }
  await sendAll('b');
  await removeFormerFunctions(corner.redis);
  for (const master of await allMasters(corner.redis)) {
    expect(String(await master.call('FUNCTION', 'LIST'))).not.toContain('0123456789ab');
  }
});

it('what is sent while a master is dead waits for it, and its streams are heard again after', async () => {
  const heard: string[] = [];
  const back = await followAll(heard);
  await sendAll('a');
  await vi.waitFor(() => expect(heard).toHaveLength(shardCount), 30_000);
  const dead = holderOf(0);
  const onDead = producers.filter((_, shard) => holderOf(shard).address === dead.address);
  // Its replica would take over.
  const replica = cluster.replicas[cluster.masters.indexOf(dead)];
  await replica?.stop();
  await dead.kill();
  const sending = sendAll('b');
  const others = said(2, 'b').filter((text) => !onDead.includes(text.split(' ')[0] ?? ''));
  await expect(Promise.race([sending, dead.restart()])).resolves.toBeUndefined();
  await sending;
  await replica?.restart();
  await cluster.isWhole();
  await vi.waitFor(() => expect(heard).toEqual(expect.arrayContaining(others)), 30_000);
  await vi.waitFor(() => expect(back.sort()).toEqual(onDead.sort()), 30_000);
  await sendAll('c');
  await vi.waitFor(() => expect(heardOf(heard, 'c')).toEqual(producers), 30_000);
});

it('what is sent while every node is dead waits for them, and streams are heard again after', async () => {
  const heard: string[] = [];
  const back = await followAll(heard);
  await sendAll('a');
  const nodes = [...cluster.masters, ...cluster.replicas];
  await Promise.all(nodes.map((node) => node.kill()));
  const sending = sendAll('b');
  await Promise.all(nodes.map((node) => node.restart()));
  await sending;
  await cluster.isWhole();
  await vi.waitFor(() => expect(back.sort()).toEqual(producers), 30_000);
  await sendAll('c');
  await vi.waitFor(() => expect(heardOf(heard, 'c')).toEqual(producers), 30_000);
});

it('a replica that takes over from a frozen master is used, for commands and channels, without a restart', async () => {
  const heard: string[] = [];
  const back = await followAll(heard);
  await sendAll('a');
  const frozen = holderOf(0);
  await frozen.pause();
  await sendAll('b');
  expect(holderOf(0).address).not.toBe(frozen.address);
  await vi.waitFor(() => expect(back).toContain('0'), 30_000);
  await sendAll('c');
  await vi.waitFor(() => expect(heardOf(heard, 'c')).toEqual(producers), 30_000);
  await frozen.resume();
  await cluster.isWhole();
});

it('no function runs on half a shard: while its slot is being moved calls wait, and go on where it has moved to', async () => {
  const heard: string[] = [];
  const back = await followAll(heard);
  await sendAll('a');
  await corner.storeFor('4', 'a');
  await corner.writer().apply(0, 100);
  await corner.log('both').append(0, 1, [segment(['b'], [], '4'), segment(['b'], [], '0')]);

  const slot = slotOf(corner.keys.ingest(0));
  const source = masterOf(corner.redis, slot);
  const masters = await allMasters(corner.redis);
  const target = masters.find((master) => master !== source);
  if (!source || !target) throw new Error('expected two masters');
  const [sourceId, targetId] = [String(await source.cluster('MYID')), String(await target.cluster('MYID'))];
  await target.cluster('SETSLOT', slot, 'IMPORTING', sourceId);
  await source.cluster('SETSLOT', slot, 'MIGRATING', targetId);
  const { host, port, password } = target.options;
  const move = (keys: string[]) =>
    source.call('MIGRATE', String(host), String(port), '', '0', '5000', 'AUTH', String(password), 'KEYS', ...keys);
  // One of the two streams has gone ahead; everything else of the shard is still here.
  await move([corner.keys.stream(0, '0'), corner.keys.retained(0, '0')]);
  let applied: Promise<unknown> | undefined = corner.writer().apply(0, 100);
  const outcome = applied.finally(() => {
    applied = undefined;
  });
  await vi.waitFor(async () => {
    const errors = await source.info('errorstats');
    expect(Number(/errorstat_TRYAGAIN:count=(\d+)/.exec(errors)?.[1])).toBeGreaterThan(2);
  }, 30_000);
  expect(applied).toBeDefined();
  await move((await source.cluster('GETKEYSINSLOT', slot, 100)).map(String));
  for (const master of masters) await master.cluster('SETSLOT', slot, 'NODE', targetId);
  expect(await outcome).toMatchObject({ readings: 2 });
  for (const id of ['0', '4']) expect((await corner.redis.hgetall(corner.keys.stream(0, id))).head).toBe('2');

  await vi.waitFor(() => expect(back).toContain('0'), 30_000);
  await sendAll('c');
  await vi.waitFor(() => expect(heardOf(heard, 'c')).toEqual(producers), 30_000);
});

it('a channel whose slot moves away and back, faster than anyone looks, is heard again', async () => {
  const told: string[] = [];
  const channel = `${corner.keys.rightsChanges}:elsewhere`;
  const slot = slotOf(channel);
  await corner.subscriber().subscribe(channel, {
    onMessage: (message) => told.push(message.toString()),
    onLost: () => told.push('lost'),
    onBack: () => told.push('back'),
  });
  const masters = await allMasters(corner.redis);
  const source = masterOf(corner.redis, slot);
  const target = masters.find((master) => master !== source);
  const ids = [String(await target?.cluster('MYID')), String(await source?.cluster('MYID'))];
  for (const id of ids) for (const master of masters) await master.cluster('SETSLOT', slot, 'NODE', id);
  await vi.waitFor(() => expect(told).toEqual(['lost', 'back']), 30_000);
  expect(await corner.redis.spublish(channel, 'news')).toBe(1);
  await vi.waitFor(() => expect(told).toContain('news'), 30_000);
});

it('rights lie on all masters, are found on all, and changes are told once', async () => {
  const rights = new RightsStore(corner.redis, corner.keys);
  const told: unknown[] = [];
  await rights.watch(corner.subscriber(), {
    onChange: (right) => told.push(right),
    onLost: () => {},
    onBack: () => {},
  });
  const sessions = Array.from({ length: 20 }, (_, at) => `session-${at}`);
  const granted = sessions.map((item) => ({ kind: 'session' as const, accountId: '7', item }));
  for (const right of granted) await rights.grant({ ...right, seconds: 60 });
  const found: string[] = [];
  for await (const page of rights.sessionIds()) found.push(...page);
  expect(found.sort()).toEqual(sessions.sort());
  await rights.replaceAll('subscription', '7', new Map([['1', { since: 5 }]]));
  expect(await rights.replaceAll('subscription', '7', new Map([['2', { since: 6 }]]))).toBe(true);
  await rights.finishRebuild(await rights.beginRebuild());
  expect(await rights.read('subscription', '7', 'session-3')).toEqual({
    sessionIsLive: true,
    items: new Map([['2', { since: 6 }]]),
  });
  await vi.waitFor(() => expect(told).toEqual([...granted, undefined]), 30_000);
  expect(new Set((await rights.serverId()).split(' ')).size).toBe(3);
});

it('presence is noted on the master of each shard', async () => {
  for (const id of producers) {
    await notePresence(corner.redis, corner.keys, Number(id), new Map([[id, new Set(['a'])]]));
    expect(await corner.redis.zcard(corner.keys.presence(Number(id), id))).toBe(1);
  }
});

it('is ready while every master answers and writes its log first, and names the one that does not', async () => {
  const { check } = redisReadiness(corner.redis);
  await allMasters(corner.redis);
  expect(await check()).toEqual({ ok: true });
  const { address, url } = holderOf(0);
  const direct = new Redis(url);
  await direct.config('SET', 'appendfsync', 'everysec');
  expect(await check()).toEqual({ ok: true, note: expect.stringMatching(`${address}: appendfsync is everysec`) });
  await direct.config('SET', 'appendfsync', 'always', 'maxmemory', '400');
  expect(await boundByMemory(corner.redis, 1_000)).toBe(100);
  await direct.config('SET', 'maxmemory', '0');
  direct.disconnect();
  const node = holderOf(0);
  await node.pause();
  expect(await check()).toEqual({ ok: false, reason: `${address}: no answer` });
  await node.resume();
  await vi.waitFor(async () => expect(await check()).toEqual({ ok: true }), 30_000);
  await cluster.isWhole();
});
