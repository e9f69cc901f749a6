import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../../packages/engines/dist/wait.js';
import { BreakableFunctions, brokenVariants } from './broken-functions.ts';
import { noFaults } from './checker/fault-counts.ts';
import { judge, type Verdict } from './judge.ts';
import { Market } from './market.ts';
import { PlatformUnderChaos } from './platform/platform-under-chaos.ts';
import { settle } from './settle.ts';

let folder: string;
let platform: PlatformUnderChaos;
let functions: BreakableFunctions;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'motience-chaos-'));
  platform = await PlatformUnderChaos.start(folder, { cluster: false });
  functions = await BreakableFunctions.of(platform.engines.redisUrls[0] ?? '');
});
afterAll(async () => {
  functions?.close();
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Streams for a few seconds to consumers that were there before, and checks. */
async function stream(): Promise<Verdict> {
  const market = await Market.open(platform, { seed: 1, readings: 3_000, perSecond: 1_500 });
  try {
    for (const consumer of market.consumers) void consumer.run();
    expect(await waitFor(() => market.consumers.every(({ subscribed }) => subscribed), 15_000)).toBe(true);
    for (const sender of market.senders) void sender.run();
    await settle(market, platform.engines.postgresUrl, 3_000);
  } finally {
    await market.stop();
  }
  return judge(market, platform.engines.postgresUrl);
}

/** The same on a platform that breaks a promise now and then. */
async function streamOn(variant: keyof typeof brokenVariants): Promise<Verdict> {
  await functions.break(brokenVariants[variant]);
  try {
    return await stream();
  } finally {
    await functions.mend();
  }
}

describe('the checker', () => {
  it('finds nothing on the platform as it is', async () => {
    const { acknowledged, stored, consumers } = await stream();
    expect(acknowledged).toBe(3_000);
    expect(stored).toEqual(noFaults);
    expect(consumers.map(({ faults }) => faults)).toEqual(consumers.map(() => noFaults));
  }, 60_000);

  it('finds the losses of one that acknowledges before the write', async () => {
    const { stored, consumers } = await streamOn('acknowledges before the write');
    for (const { lostPrefix, lostMiddle, lostTail } of [stored, ...consumers.map(({ faults }) => faults)]) {
      expect(lostPrefix + lostMiddle + lostTail).toBeGreaterThan(0);
    }
  }, 60_000);

  it('finds the skipped numbers of one that skips a number', async () => {
    const { stored } = await streamOn('skips a number');
    expect(stored.undeclaredGaps).toBeGreaterThan(0);
  }, 60_000);

  it('finds the repeats of one that lets a paused owner of a shard go on', async () => {
    const { stored, consumers } = await streamOn('lets a paused owner go on');
    expect(stored.repeated).toBeGreaterThan(0);
    for (const { name, faults } of consumers) expect(faults.repeated, name).toBeGreaterThan(0);
  }, 60_000);
});
