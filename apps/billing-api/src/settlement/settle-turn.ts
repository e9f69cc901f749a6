import { type Database, type Queryable, subscriptionMeters } from '@motience/database';
import { postAll, type Transaction } from '@motience/ledger';
import type { CreditChange, RedisConnection, UsageLog } from '@motience/stream-log';
import { and, asc, gt, ne, sql } from 'drizzle-orm';
import { accrue } from './accrue.ts';
import { addDeliveries } from './add-deliveries.ts';
import { coverAll, coverWishes } from './cover-all.ts';
import { earlier } from './days.ts';
import { type Decision, decideCredit } from './decide-credit.ts';
import type { Funds } from './funds.ts';
import { type FundsTable, loadFunds } from './load-funds.ts';
import { loadMeters } from './load-meters.ts';
import type { Meter } from './meter.ts';
import { noteRate } from './note-rate.ts';
import { captureOf, holdOf } from './postings.ts';
import { storeMeters } from './store-meters.ts';

export interface SettlementContext {
  readonly database: Pick<Database, 'db'>;
  readonly redis: RedisConnection;
  readonly usageLog: UsageLog;
  /** The platform's part of the charges of subscriptions that begin to be used, in parts per million. */
  readonly feePpm: number;
  /** Told of entries of the usage log that cannot be read; they stay. */
  readonly onUnreadable: (entryId: string, error: unknown) => void;
}

export interface TurnOptions {
  /** Looks also at subscriptions in use that nothing was reported of, from the one after this id on. */
  readonly sweepAfter?: bigint | undefined;
  /** In place of what the clocks of the database and of Redis say; for tests. */
  readonly clocks?: { readonly ours: Date; readonly redis: Date };
  /** Called when the database has everything and Redis nothing yet; for tests. */
  readonly committed?: () => void;
}

export interface TurnResult {
  readonly entries: number;
  /** Whether there were as many entries as a turn takes. */
  readonly isFull: boolean;
  /** Where the sweep goes on; undefined once it is through. */
  readonly sweepAfter: bigint | undefined;
}

/** Any number: the lock of whoever settles, or closes what was settled. */
export const settlementLock = 5_120_733_981;
const maxEntries = 200;
const sweepSize = 200;
/** A transaction that stands still, because its process does, makes way for another one's. */
const patience = '10s';
const maxPostingsAtOnce = 900;

interface Settled {
  readonly result: TurnResult;
  readonly turn: number;
  readonly entryIds: readonly string[];
  readonly changes: readonly CreditChange[];
}

/**
 * One turn of settlement: what gateways have reported is united with what was delivered before, what is new is charged,
 * and credit is given for more. Everything that happens to money and record is one database transaction; Redis follows
 * after. If the process ends at any point in between, the next turn does again what is missing, and nothing twice.
 * One turn runs at a time, in whichever process; undefined if another process is at it.
 */
export async function settleTurn(context: SettlementContext, options: TurnOptions): Promise<TurnResult | undefined> {
  const settled = await context.database.db.transaction(async (tx) => {
    const begun = await begin(tx);
    return begun && settle(tx, context, options, { ...begun, now: options.clocks?.ours ?? begun.now });
  });
  if (!settled) return undefined;
  options.committed?.();
  const { turn, entryIds, changes } = settled;
  if (entryIds.length > 0 || changes.length > 0) await context.usageLog.settle(turn, entryIds, changes);
  return settled.result;
}

interface Begun {
  /** Grows with each turn of any process. */
  readonly turn: number;
  readonly now: Date;
}

async function begin(tx: Queryable): Promise<Begun | undefined> {
  const [row] = await tx.execute<{ mine: boolean; turn: string; now: string }>(sql`
    select mine, case when mine then nextval('settlement_turns') end::text as turn,
      (extract(epoch from clock_timestamp()) * 1000)::bigint::text as now
    from pg_try_advisory_xact_lock(${settlementLock}) as mine`);
  if (!row?.mine) return undefined;
  await tx.execute(sql.raw(`set local idle_in_transaction_session_timeout = '${patience}'`));
  return { turn: Number(row.turn), now: new Date(Number(row.now)) };
}

async function settle(
  tx: Parameters<Parameters<Database['db']['transaction']>[0]>[0],
  { redis, usageLog, feePpm, onUnreadable }: SettlementContext,
  { sweepAfter, clocks }: TurnOptions,
  { turn, now }: Begun,
): Promise<Settled> {
  const aheadMs = (clocks?.redis.getTime() ?? (await redisNowMs(redis))) - now.getTime();
  /** An instant by the clock of Redis, by ours. */
  const ours = (ms: number) => new Date(ms - aheadMs);

  const seen = await usageLog.read(maxEntries, onUnreadable);
  const swept = sweepAfter === undefined ? [] : await readActive(tx, sweepAfter);
  const ids = new Set(
    seen.flatMap(({ reports, wants }) => [...reports.map((report) => report.subscriptionId), ...wants]),
  );
  for (const id of swept) ids.add(String(id));
  const subscriptionIds = [...ids];
  const credits = new Map(
    (subscriptionIds.length === 0 ? [] : await usageLog.inspect(turn, subscriptionIds)).map((credit) => [
      credit.subscriptionId,
      credit,
    ]),
  );
  // The turn before may not have taken its entries off until now. What it took before we looked is not ours to count.
  const still = new Set((seen.length === 0 ? [] : await usageLog.read(maxEntries)).map(({ id }) => id));
  const entries = seen.filter(({ id }) => still.has(id));

  const wishes = coverWishes(credits.values(), ours);
  const since = [...entries.map(({ atMs }) => ours(atMs)), ...wishes.toCover.values()].reduce(earlier, now);
  const meters = await loadMeters(tx, { subscriptionIds, feePpm, since });
  const funds = await loadFunds(
    tx,
    meters.map(({ facts }) => facts.consumerId),
    now,
  );
  for (const meter of meters) meter.payFrom(fundsOf(funds, meter));
  const settledUnits = await addDeliveries(tx, entries, meters, (entry) => ours(entry.atMs), now);
  const interestOf = (meter: Meter) => {
    const ms = credits.get(meter.facts.subscriptionId)?.interestedAtMs;
    return ms === undefined ? undefined : ours(ms);
  };
  for (const meter of meters) {
    noteRate(meter, settledUnits.get(meter.facts.subscriptionId) ?? 0n, now);
    accrue(meter, now, interestOf(meter));
  }
  const covered = await coverAll(tx, { wishes, meters, fundsOf: (meter) => fundsOf(funds, meter), now });
  const postings: Transaction[] = [];
  // All charges before any new hold: what was delivered has to be paid for first.
  for (const meter of meters) {
    const capture = captureOf(meter, fundsOf(funds, meter), turn);
    if (capture) postings.push(capture);
  }
  const wanted = new Set(entries.flatMap(({ wants }) => wants));
  const changes: CreditChange[] = [];
  for (const meter of meters) {
    const { subscriptionId } = meter.facts;
    const credit = credits.get(subscriptionId);
    if (!credit) continue;
    const ofMeter = fundsOf(funds, meter);
    const { change, held }: Decision = decideCredit({
      meter,
      credit,
      settledUnits: settledUnits.get(subscriptionId) ?? 0n,
      isWanted: wanted.has(subscriptionId),
      funds: ofMeter,
      now,
      interestedAt: interestOf(meter),
      coveredFrom: covered.get(meter),
    });
    if (change) changes.push(byClockOfRedis(change, aheadMs));
    const posting = ofMeter && holdOf(meter, ofMeter, held, turn);
    if (posting) postings.push(posting);
  }

  for (let at = 0; at < postings.length; at += maxPostingsAtOnce) {
    await postAll(tx, postings.slice(at, at + maxPostingsAtOnce));
  }
  await storeMeters(
    tx,
    meters.filter((meter) => meter.hasChanged),
  );
  return {
    turn,
    entryIds: entries.map(({ id }) => id),
    changes,
    result: {
      entries: entries.length,
      isFull: seen.length === maxEntries,
      sweepAfter: swept.length === sweepSize ? swept.at(-1) : undefined,
    },
  };
}

function byClockOfRedis({ untilMs, coveredFromMs, ...change }: CreditChange, aheadMs: number): CreditChange {
  return {
    ...change,
    ...(untilMs !== undefined && { untilMs: untilMs + aheadMs }),
    ...(coveredFromMs !== undefined && { coveredFromMs: coveredFromMs + aheadMs }),
  };
}

async function redisNowMs(redis: RedisConnection): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

async function readActive(tx: Queryable, after: bigint): Promise<bigint[]> {
  const { subscriptionId, state } = subscriptionMeters;
  const rows = await tx
    .select({ subscriptionId })
    .from(subscriptionMeters)
    .where(and(ne(state, 'idle'), gt(subscriptionId, after)))
    .orderBy(asc(subscriptionId))
    .limit(sweepSize);
  return rows.map((row) => row.subscriptionId);
}

function fundsOf(table: FundsTable, { facts, plan }: Meter): Funds | undefined {
  return plan.kind === 'free' ? undefined : table.of(facts.consumerId, plan.currency);
}
