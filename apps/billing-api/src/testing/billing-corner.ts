import { type Database, openDatabase, plans, subscriptionDays, subscriptions, users } from '@motience/database';
import { createTestDatabase, createTestRedis } from '@motience/engines/testing';
import { balanceOf, checkBooks, type LedgerAccount, post } from '@motience/ledger';
import { type PlanTerms, planTermsSchema } from '@motience/ledger/pricing';
import {
  createKeys,
  type DeliveredSpan,
  openRedis,
  type RedisConnection,
  type Slice,
  UsageLog,
  UsageReporter,
} from '@motience/stream-log';
import { eq, sql } from 'drizzle-orm';
import { type SettlementContext, settleTurn, type TurnOptions, type TurnResult } from '../settlement/settle-turn.ts';

/** Bytes of every reading in these tests. */
const bytesPerReading = 100;

/** Readings `from` to `to` of an epoch in which each has a hundred bytes. */
export function span(from: number, to: number, epoch = 'e1'): DeliveredSpan {
  return { epoch, from, to, bytesBefore: (from - 1) * bytesPerReading, bytesThrough: to * bytesPerReading };
}

export interface Trade {
  readonly subscriptionId: string;
  readonly consumerId: bigint;
  readonly producerId: bigint;
  readonly wallet: LedgerAccount;
  readonly debt: LedgerAccount;
  readonly earnings: LedgerAccount;
  readonly hold: LedgerAccount;
}

/** A gateway as billing sees it: it reports, and takes credit. */
export class TestGateway {
  private readonly holds = new Map<string, number>();

  constructor(readonly reporter: UsageReporter) {}

  /** Units it may deliver yet. */
  unitsOf(subscriptionId: string): number {
    return this.holds.get(subscriptionId) ?? 0;
  }

  /** Reports spans, for which it used up units of its credit, and takes more. */
  async call(
    { subscriptionId }: Trade,
    { spans = [], spent = 0, wants = 0, isReceived = true, coverFromMs }: Partial<TestCall> = {},
  ): Promise<Slice> {
    const holds = Math.max(0, this.unitsOf(subscriptionId) - spent);
    const answer = await this.reporter.report(this.reporter.nextNumber(), {
      reports: spans.length > 0 ? [{ subscriptionId, spans, spent }] : [],
      credits: [{ subscriptionId, spent, holds, wants, isReceived, coverFromMs }],
      marks: [],
      forget: [],
      find: [],
    });
    const [slice] = answer.slices;
    if (!slice) throw new Error('the call had no answer');
    this.holds.set(subscriptionId, slice.holds);
    return slice;
  }
}

export interface TestCall {
  spans: DeliveredSpan[];
  spent: number;
  wants: number;
  isReceived: boolean;
  /** By the clock of Redis. */
  coverFromMs: number | undefined;
}

const feePpm = 100_000;

interface CornerOptions {
  maxConnections?: number;
  databaseUrl?: string;
}

/** A database and a corner of Redis of a test's own, with what billing works on. */
export class BillingCorner {
  readonly usageLog: UsageLog;
  private gateways = 0;

  private constructor(
    readonly database: Database,
    readonly prefix: string,
    readonly redis: RedisConnection,
    private readonly release: () => Promise<void>,
  ) {
    this.usageLog = new UsageLog(redis, createKeys(prefix));
  }

  /** With a database of its own, or the one given, which has to have the schema. */
  static async open({ databaseUrl, ...options }: CornerOptions = {}): Promise<BillingCorner> {
    const given = databaseUrl && { url: databaseUrl, drop: async () => {} };
    const [ofDatabase, ofRedis] = await Promise.all([given || createTestDatabase(), createTestRedis()]);
    const database = openDatabase(ofDatabase.url, options);
    const redis = openRedis(ofRedis.url, { onError: () => {} });
    return new BillingCorner(database, ofRedis.prefix, redis, async () => {
      await database.close();
      redis.disconnect();
      await Promise.all([ofDatabase.drop(), ofRedis.drop()]);
    });
  }

  get context(): SettlementContext {
    const { database, redis, usageLog } = this;
    return {
      database,
      redis,
      usageLog,
      feePpm,
      onUnreadable: (_, error) => {
        throw error;
      },
    };
  }

  gateway(name = `gateway-${++this.gateways}`): TestGateway {
    return new TestGateway(new UsageReporter(this.redis, createKeys(this.prefix), name));
  }

  async account(role: 'producer' | 'consumer' | 'admin'): Promise<bigint> {
    const username = `${role}-${Math.random().toString(36).slice(2)}`;
    const [row] = await this.database.db
      .insert(users)
      .values({ username, passwordHash: '-', role })
      .returning({ id: users.id });
    return row?.id ?? 0n;
  }

  /** A subscription on a new plan with these terms, as written in JSON; `begunAt`: long ago if left out. */
  async trade(
    terms: object,
    among: { consumerId?: bigint; producerId?: bigint; begunAt?: string } = {},
  ): Promise<Trade> {
    const { db } = this.database;
    const consumerId = among.consumerId ?? (await this.account('consumer'));
    const producerId = among.producerId ?? (await this.account('producer'));
    const written = { kind: 'per-reading', currency: 'EUR', ...terms };
    const plan: PlanTerms = planTermsSchema.parse(written.kind === 'free' ? { kind: 'free' } : written);
    const [planRow] = await db
      .insert(plans)
      .values({ producerId, name: plan.kind, terms: written.kind === 'free' ? { kind: 'free' } : written })
      .returning({ id: plans.id });
    const [row] = await db
      .insert(subscriptions)
      .values({
        consumerId,
        producerId,
        planId: planRow?.id ?? null,
        createdAt: new Date(among.begunAt ?? '2026-01-01T00:00:00Z'),
      })
      .returning({ id: subscriptions.id });
    const subscriptionId = String(row?.id);
    return {
      subscriptionId,
      consumerId,
      producerId,
      wallet: { kind: 'wallet', ownerId: consumerId, currency: 'EUR' },
      debt: { kind: 'refunds', ownerId: consumerId, currency: 'EUR' },
      earnings: { kind: 'earnings', ownerId: producerId, currency: 'EUR' },
      hold: { kind: 'hold', ownerId: consumerId, currency: 'EUR', name: `subscription-${subscriptionId}` },
    };
  }

  async end({ subscriptionId }: Trade, at = new Date()): Promise<void> {
    await this.database.db
      .update(subscriptions)
      .set({ status: 'cancelled', endedAt: at })
      .where(eq(subscriptions.id, BigInt(subscriptionId)));
  }

  /** Puts money into a wallet: whole and hundredths of a unit as micro-units. */
  async fund({ wallet }: Trade, micros: bigint): Promise<void> {
    const provider: LedgerAccount = { kind: 'provider', currency: 'EUR', name: 'test' };
    await post(this.database.db, {
      key: `fund-${Math.random()}`,
      kind: 'top-up',
      entries: [
        { account: provider, amount: -micros },
        { account: wallet, amount: micros },
      ],
    });
  }

  /** One turn over everything. */
  async turn(options: TurnOptions = { sweepAfter: 0n }): Promise<TurnResult> {
    const result = await settleTurn(this.context, options);
    if (!result) throw new Error('another one was settling');
    return result;
  }

  balance(account: LedgerAccount): Promise<bigint> {
    return balanceOf(this.database.db, account);
  }

  async balances(trade: Trade): Promise<Record<'wallet' | 'hold' | 'earnings' | 'debt', bigint>> {
    const { wallet, hold, earnings, debt } = trade;
    const [inWallet = 0n, held = 0n, earned = 0n, owed = 0n] = await Promise.all(
      [wallet, hold, earnings, debt].map((account) => this.balance(account)),
    );
    return { wallet: inWallet, hold: held, earnings: earned, debt: owed };
  }

  /** What is recorded of a subscription, over all days. */
  async recorded({ subscriptionId }: Trade) {
    const { readings, bytes, seconds, trialReadings, charged, fee } = subscriptionDays;
    const sumOf = (column: typeof readings) => sql<string>`coalesce(sum(${column}), 0)::text`;
    const [row] = await this.database.db
      .select({
        readings: sumOf(readings),
        bytes: sumOf(bytes),
        seconds: sumOf(seconds),
        trialReadings: sumOf(trialReadings),
        charged: sumOf(charged),
        fee: sumOf(fee),
      })
      .from(subscriptionDays)
      .where(eq(subscriptionDays.subscriptionId, BigInt(subscriptionId)));
    if (!row) throw new Error('a sum has a row');
    return Object.fromEntries(Object.entries(row).map(([name, text]) => [name, BigInt(text)]));
  }

  /** Removes all credit, as when Redis begins a new life: the usage log is kept. */
  async loseCredits(): Promise<void> {
    const keys = await this.redis.keys(`${createKeys(this.prefix).usagePrefix}credit:*`);
    for (const key of keys) await this.redis.del(key);
  }

  async mismatch(): Promise<string | undefined> {
    return (await checkBooks(this.database.db)).mismatch;
  }

  close(): Promise<void> {
    return this.release();
  }
}
