import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../../packages/engines/dist/wait.js';
import { BreakableFunctions, brokenVariants } from './broken-functions.ts';
import { noFaults } from './checker/fault-counts.ts';
import { judge, type Verdict } from './judge.ts';
import { type BuyerVerdict, bookFindings, judgeBooks } from './judge-books.ts';
import { Market } from './market.ts';
import { PlatformUnderChaos } from './platform/platform-under-chaos.ts';
import { type Reconciled, reconcile } from './reconcile.ts';
import { settle } from './settle.ts';
import { settleBooks } from './settle-books.ts';

let folder: string;
let platform: PlatformUnderChaos;
let functions: BreakableFunctions;
let sql: postgres.Sql;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'motience-chaos-'));
  platform = await PlatformUnderChaos.start(folder, { cluster: false });
  functions = await BreakableFunctions.of(platform.engines.redisUrls[0] ?? '');
  sql = postgres(platform.databaseUrl, { max: 1 });
});
afterAll(async () => {
  functions?.close();
  await sql?.end();
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Verdicts extends Verdict {
  buyers: BuyerVerdict[];
  books: Reconciled;
}

/** What is broken may never come. */
const patienceWithBrokenMs = 5_000;

/**
 * Streams for a few seconds to consumers that were there before, some of which pay, and checks when all has come, or nothing
 * more for `patienceMs`: a busy machine may take long to give credit.
 */
async function stream(patienceMs = 30_000): Promise<Verdicts> {
  const { databaseUrl } = platform;
  const market = await Market.open(platform, { seed: 1, readings: 3_000, perSecond: 1_500 });
  try {
    market.start();
    expect(await waitFor(() => market.consumers.every(({ subscribed }) => subscribed), 30_000)).toBe(true);
    for (const sender of market.senders) void sender.run();
    await market.stay();
    await settle(market, databaseUrl, patienceMs);
    await settleBooks(market.buyers, databaseUrl, patienceMs);
  } finally {
    await market.stop();
  }
  const buyers = await judgeBooks(market.buyers, {
    databaseUrl,
    troubles: platform.troubles,
    gatewayAt: (url) => platform.gatewayAt(url),
  });
  return { ...(await judge(market, databaseUrl)), buyers, books: await reconcile(databaseUrl) };
}

/** The same on a platform that breaks a promise now and then. */
async function streamOn(variant: keyof typeof brokenVariants): Promise<Verdicts> {
  await functions.break(brokenVariants[variant]);
  try {
    return await stream(patienceWithBrokenMs);
  } finally {
    await functions.mend();
  }
}

describe('the checker', () => {
  it('finds nothing on the platform as it is', async () => {
    const { acknowledged, stored, consumers, buyers, books } = await stream();
    expect(acknowledged).toBe(3_000);
    expect(stored).toEqual(noFaults);
    expect(consumers.map(({ faults }) => faults)).toEqual(consumers.map(() => noFaults));
    expect(buyers.flatMap(bookFindings)).toEqual([]);
    expect(buyers.every(({ counted, received }) => counted === received && counted > 0)).toBe(true);
    expect(buyers.find(({ name }) => name === 'runs-dry')?.stops).toBeGreaterThan(0);
    expect(books).toMatchObject({ agrees: true });
  });

  it('finds the losses of one that acknowledges before the write', async () => {
    const { stored, consumers } = await streamOn('acknowledges before the write');
    for (const { lostPrefix, lostMiddle, lostTail } of [stored, ...consumers.map(({ faults }) => faults)]) {
      expect(lostPrefix + lostMiddle + lostTail).toBeGreaterThan(0);
    }
  });

  it('finds the skipped numbers of one that skips a number', async () => {
    const { stored } = await streamOn('skips a number');
    expect(stored.undeclaredGaps).toBeGreaterThan(0);
  });

  it('finds the repeats of one that lets a paused owner of a shard go on', async () => {
    const { stored, consumers } = await streamOn('lets a paused owner go on');
    expect(stored.repeated).toBeGreaterThan(0);
    for (const { name, faults } of consumers) expect(faults.repeated, name).toBeGreaterThan(0);
  });

  it('finds what was not counted by one that drops a report', async () => {
    const { buyers, books } = await streamOn('drops a report');
    for (const { name, uncounted } of buyers) expect(uncounted, name).toBeGreaterThan(0);
    // What was not counted was not charged either.
    expect(books).toMatchObject({ agrees: true });
  });

  it('finds what was counted too much by one that reports what was not delivered', async () => {
    const { buyers } = await streamOn('reports what was not delivered');
    expect(buyers.find(({ name }) => name === 'two-sockets')).toMatchObject({ neverReceived: 9, uncounted: 0 });
  });

  it('finds what was billed again by one that bills what a second gateway delivered by itself', async () => {
    const { buyers, books } = await streamOn('takes what a second gateway delivered for something else');
    const both = buyers.find(({ name }) => name === 'two-sockets');
    expect(both?.counted).toBeGreaterThan(both?.received ?? 0);
    expect(both?.neverReceived).toBeGreaterThan(0);
    // The books cannot know.
    expect(books).toMatchObject({ agrees: true });
  });

  it('finds books that do not agree, and money that is not there', async () => {
    await sql.unsafe(`
      create function charge_more() returns trigger language plpgsql as
        $$ begin new.charged := new.charged + 1; return new; end $$;
      create trigger charge_more before update on subscription_days for each row execute function charge_more();`);
    const { buyers, books } = await stream();
    expect(books).toMatchObject({ agrees: false, text: expect.stringMatching(/do not agree.*subscription \d+/) });
    expect(buyers.flatMap(bookFindings)).toContainEqual(expect.stringContaining('millionths went elsewhere'));
  });
});
