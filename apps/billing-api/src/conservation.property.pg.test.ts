import { plans, subscriptions } from '@motience/database';
import { micros, month as toMonth } from '@motience/ledger/pricing';
import { Refusal } from '@motience/protocol';
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { closeDays } from './closing/close-days.ts';
import { movePayout, type PayoutStep } from './payouts/move-payout.ts';
import { requestPayout } from './payouts/request-payout.ts';
import { reconcile } from './reconcile/reconcile.ts';
import { addDays, dayOf } from './settlement/days.ts';
import { settleTurn } from './settlement/settle-turn.ts';
import { readWholeStatement } from './statements/read-statement.ts';
import { BillingCorner, span, type TestGateway, type Trade } from './testing/billing-corner.ts';

/** On what one can subscribe, one after the other. */
const offers = [
  { kind: 'per-reading', price: '0.010007', trial: { readings: 9 } },
  { kind: 'per-time', per: 'hour', price: '0.361003', maximum_monthly_charge: '5' },
  { kind: 'per-megabyte', price: '50.03' },
  { kind: 'monthly', price: '0.310007', quota_readings: 50, beyond_quota: { price_per_1000_readings: '3.001' } },
  { kind: 'per-1000-readings', price: '7.000013', maximum_monthly_charge: '0.2' },
];

const pair = fc.integer({ min: 0, max: 1 });
const gateway = fc.integer({ min: 0, max: 1 });
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      pair,
      gateway,
      /** Where it goes on, or back: a resend, another socket, or readings out of order. */
      skip: fc.integer({ min: -30, max: 10 }),
      count: fc.integer({ min: 1, max: 40 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('report again' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle' as const), crash: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pass time' as const), minutes: fc.integer({ min: 1, max: 3_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hear' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close' as const), times: fc.integer({ min: 1, max: 2 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('change plan' as const), pair, offer: fc.nat(offers.length - 1) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('top up' as const), pair, amount: fc.bigInt({ min: 1n, max: 900_000n }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pay out' as const),
      key: fc.nat(3),
      amount: fc.bigInt({ min: 1n, max: 50_000n }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('move payout' as const),
      to: fc.constantFrom('approved' as const, 'paid' as const, 'failed' as const),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One for each run: what is reconciled at each step is only what the run did. */
let corner: BillingCorner;
/** So that each run comes to the end of a month, a silence and a payout. */
const theEnd: readonly Step[] = [
  { do: 'settle', crash: true },
  { do: 'pass time', minutes: 5_000 },
  { do: 'change plan', pair: 1, offer: 1 },
  { do: 'top up', pair: 1, amount: 2_000_000n },
  { do: 'deliver', pair: 1, gateway: 0, skip: 0, count: 5 },
  { do: 'settle', crash: false },
  { do: 'pass time', minutes: 1 },
  { do: 'deliver', pair: 1, gateway: 0, skip: 0, count: 5 },
  { do: 'pass time', minutes: 1_500 },
  { do: 'close', times: 2 },
  { do: 'pay out', key: 9, amount: 1n },
  { do: 'move payout', to: 'approved' },
  { do: 'move payout', to: 'paid' },
];

/** How often it came to what matters, over all runs. */
const seen = { charged: 0, closed: 0, credited: 0, paid: 0 };

/** Two consumers of one producer, over the end of a month. */
class World {
  /** A few days before the end of a month. */
  private now = new Date('2026-10-29T21:00:00Z');
  private readonly last = [0, 0];
  private readonly reports: { trade: Trade; gateway: TestGateway; from: number; to: number }[] = [];
  private readonly units = new Map<string, string | undefined>();
  private payouts = 0;

  private constructor(
    private readonly producer: bigint,
    private readonly consumers: readonly bigint[],
    private readonly trades: Trade[],
    private readonly gateways: readonly TestGateway[],
  ) {}

  static async begin(): Promise<World> {
    const producer = await corner.account('producer');
    const consumers = [await corner.account('consumer'), await corner.account('consumer')];
    const world = new World(producer, consumers, [], [corner.gateway(), corner.gateway()]);
    for (const at of consumers.keys()) {
      await world.changePlan(at, at);
      await world.do({ do: 'top up', pair: at, amount: 800_000n });
      for (let round = 0; round < 2; round += 1) {
        for (const gateway of [0, 1]) await world.do({ do: 'deliver', pair: at, gateway, skip: 0, count: 1 });
        await world.do({ do: 'settle', crash: false });
      }
    }
    return world;
  }

  private trade(pair: number): Trade {
    const trade = this.trades[pair];
    if (!trade) throw new Error('no such trade');
    return trade;
  }

  private gateway(at: number): TestGateway {
    const gateway = this.gateways[at];
    if (!gateway) throw new Error('no such gateway');
    return gateway;
  }

  private get clocks() {
    return { ours: this.now, redis: new Date() };
  }

  async do(step: Step): Promise<void> {
    switch (step.do) {
      case 'deliver': {
        const gateway = this.gateway(step.gateway);
        const trade = this.trade(step.pair);
        const from = Math.max(1, (this.last[step.pair] ?? 0) + 1 + step.skip);
        const unit = this.units.get(trade.subscriptionId);
        const perReading = unit === 'bytes' ? 100 : unit === 'readings' ? 1 : 0;
        const units = gateway.unitsOf(trade.subscriptionId);
        const covered = perReading > 0 ? Math.floor(units / perReading) : unit === 'time' ? step.count : 0;
        const to = from + Math.min(step.count, covered) - 1;
        const spans = to >= from ? [span(from, to, 'epoch')] : [];
        this.last[step.pair] = Math.max(this.last[step.pair] ?? 0, to);
        if (to >= from) this.reports.push({ trade, gateway, from, to });
        const spent = (to - from + 1) * perReading;
        // Who goes back resumes what was sent some hours ago.
        const coverFromMs = step.skip < 0 ? Date.now() + step.skip * 600_000 : undefined;
        const slice = await gateway.call(trade, { spans, spent, wants: 40 * (perReading || 1), coverFromMs });
        this.units.set(trade.subscriptionId, slice.unit);
        return;
      }
      case 'report again':
        for (const { trade, gateway, from, to } of this.reports.slice(-4).reverse()) {
          await gateway.call(trade, { spans: [span(from, to, 'epoch')] });
        }
        return;
      case 'settle':
        return this.settle(step.crash);
      case 'pass time':
        this.now = new Date(this.now.getTime() + step.minutes * 60_000);
        return this.settle(false);
      case 'hear':
        return this.hear();
      case 'close':
        return this.close(step.times);
      case 'change plan':
        return this.changePlan(step.pair, step.offer);
      case 'top up':
        return corner.fund(this.trade(step.pair), step.amount);
      case 'pay out':
        return this.tryTo(async () => {
          const request = { producerId: this.producer, currency: 'EUR', key: `key ${step.key}` } as const;
          const { payout } = await requestPayout(corner.database, { ...request, amount: micros(step.amount) });
          this.payouts = Number(payout.id);
        });
      case 'move payout': {
        const { to } = step;
        const taken: PayoutStep = to === 'approved' ? { to } : { to, note: 'said so' };
        return this.tryTo(async () => {
          if (this.payouts > 0) await movePayout(corner.database, BigInt(this.payouts), taken);
        });
      }
    }
  }

  /** What may be refused, and then changes nothing. */
  private async tryTo(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }

  private async settle(crash: boolean): Promise<void> {
    const { clocks } = this;
    if (!crash) {
      await corner.turn({ sweepAfter: 0n, clocks });
      return;
    }
    const killed = new Error('the process was killed');
    const committed = () => {
      throw killed;
    };
    await expect(settleTurn(corner.context, { sweepAfter: 0n, clocks, committed })).rejects.toBe(killed);
  }

  private async hear(): Promise<void> {
    const at = this.now.toISOString();
    await corner.database.db.execute(sql`
      insert into stream_minutes (producer_id, minute, readings, bytes, first_received_at, last_received_at,
        heard_seconds, latency_checked, latency_readings, latency_sum_ms, latency_max_ms)
      values (${this.producer}, date_trunc('minute', ${at}::timestamptz), 1, 1, ${at}, ${at},
        1::bigint << floor(extract(second from ${at}::timestamptz))::int, 0, 0, 0, 0)
      on conflict do nothing`);
  }

  /** Closes the day before, several at once, when everything is settled. */
  private async close(times: number): Promise<void> {
    // A day is heard of as it passes: what comes later would belong to one that is not closed.
    await this.settle(false);
    const context = {
      database: corner.database,
      usageLog: corner.usageLog,
      streams: { unpersisted: async () => new Set<string>() },
    };
    const through = addDays(dayOf(this.now), -1);
    await Promise.all(Array.from({ length: times }, () => closeDays(context, through, 0n)));
  }

  private async changePlan(pair: number, offer: number): Promise<void> {
    const { db } = corner.database;
    const consumerId = this.consumers[pair] ?? 0n;
    const former = this.trades[pair];
    if (former) await corner.end(former, this.now);
    const terms = { currency: 'EUR', ...offers[offer] };
    const [plan] = await db
      .insert(plans)
      .values({
        producerId: this.producer,
        name: `offer ${offer}`,
        terms,
        maxSilenceSeconds: 1_800,
        createdAt: this.now,
      })
      .returning({ id: plans.id });
    const [row] = await db
      .insert(subscriptions)
      .values({ consumerId, producerId: this.producer, planId: plan?.id ?? null, createdAt: this.now })
      .returning({ id: subscriptions.id });
    const account = (kind: 'wallet' | 'refunds', ownerId: bigint) => ({ kind, ownerId, currency: 'EUR' }) as const;
    this.trades[pair] = {
      subscriptionId: String(row?.id),
      consumerId,
      producerId: this.producer,
      wallet: account('wallet', consumerId),
      debt: account('refunds', consumerId),
      earnings: { kind: 'earnings', ownerId: this.producer, currency: 'EUR' },
      hold: { kind: 'hold', ownerId: consumerId, currency: 'EUR', name: `subscription-${row?.id}` },
    };
  }

  /** Nothing that is credited was paid out before. */
  async checkEarnings(): Promise<void> {
    expect(await corner.balance(this.trade(0).earnings)).toBeGreaterThanOrEqual(0n);
  }

  async count(): Promise<void> {
    const [row] = await corner.database.db.execute<Record<keyof typeof seen, number>>(sql`
      select (select count(*) from ledger_transactions where kind = 'capture')::int as charged,
        (select count(*) from statement_lines)::int as closed,
        (select count(*) from silence_credits where amount > 0)::int as credited,
        (select count(*) from payouts where status = 'paid')::int as paid`);
    seen.charged += row?.charged ?? 0;
    seen.closed += row?.closed ?? 0;
    seen.credited += row?.credited ?? 0;
    seen.paid += row?.paid ?? 0;
  }

  /** Each month goes on where the one before ended, and says what the accounts have now. */
  async checkStatements(): Promise<void> {
    for (const accountId of [this.producer, ...this.consumers]) {
      const balances = [];
      for (const of of ['2026-10', '2026-11', '2026-12', '2027-01', '2027-02']) {
        const query = { accountId, month: toMonth(of), most: 1_000 };
        const { balances: ofMonth } = await readWholeStatement(corner.database, query);
        balances.push(...ofMonth);
      }
      for (const [at, { opening }] of balances.entries()) if (at > 0) expect(opening).toBe(balances[at - 1]?.closing);
    }
  }
}

const mismatch = async () => (await reconcile(corner.database.db)).mismatch;

it('delivered = metered = debited = invoiced = earned + fee, during and after each step of whatever happens', {
  timeout: 180_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 25 }), async (steps) => {
      corner = await BillingCorner.open();
      try {
        const world = await World.begin();
        for (const taken of steps) {
          const [during] = await Promise.all([mismatch(), world.do(taken)]);
          expect([taken, during]).toEqual([taken, undefined]);
          await world.checkEarnings();
        }
        for (const taken of theEnd) {
          await world.do(taken);
          expect([taken, await mismatch()]).toEqual([taken, undefined]);
          await world.checkEarnings();
        }
        await world.checkStatements();
        await world.count();
      } finally {
        await corner.close();
      }
    }),
    { numRuns: 15, interruptAfterTimeLimit: 90_000, markInterruptAsFailure: false },
  );
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(0);
});
