import { month, monthlyCharge, noUse, type PlanTerms, planTermsSchema } from '@motience/ledger/pricing';
import type { DeliveredSpan } from '@motience/stream-log';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BillingCorner, span, type TestGateway, type Trade } from '../testing/billing-corner.ts';
import { settleTurn } from './settle-turn.ts';

const bytesPerReading = 100n;
const freeReadings = 7;

/** Two streams that one consumer receives and one that another does. */
const offers = [
  { kind: 'per-reading', price: '0.01', trial: { readings: freeReadings } },
  { kind: 'per-1000-readings', price: '7' },
  { kind: 'per-megabyte', price: '50', maximum_monthly_charge: '0.3' },
];

type Step =
  | { do: 'deliver'; trade: number; gateway: number; count: number }
  | { do: 'resend'; trade: number; gateway: number; from: number; count: number }
  | { do: 'report again' }
  | { do: 'settle' | 'crash before Redis knows' | 'settle twice at once' | 'sweep' }
  | { do: 'top up'; trade: number; amount: bigint }
  | { do: 'lose Redis' };

const trade = fc.integer({ min: 0, max: offers.length - 1 });
const gateway = fc.integer({ min: 0, max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      trade,
      gateway,
      count: fc.integer({ min: 1, max: 60 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('resend' as const),
      trade,
      gateway,
      from: fc.integer({ min: 1, max: 80 }),
      count: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('report again' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'settle' as const,
        'crash before Redis knows' as const,
        'settle twice at once' as const,
        'sweep' as const,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('top up' as const), trade, amount: fc.bigInt({ min: 1n, max: 600_000n }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose Redis' as const) }) },
);

const november = month('2026-11');
/** In the middle of a month, whenever this runs. */
const midMonth = () => ({ clocks: { ours: new Date('2026-11-15T12:00:00Z'), redis: new Date() } });

let corner: BillingCorner;

beforeAll(async () => {
  corner = await BillingCorner.open();
});
afterAll(() => corner.close());

/** What has happened, kept as simply as can be. */
class Model {
  readonly delivered: Set<number>[] = offers.map(() => new Set());
  readonly reports: { trade: Trade; gateway: TestGateway; spans: DeliveredSpan[] }[] = [];
  /** Units that were reported since the database has settled everything. */
  private unsettled = offers.map(() => 0);
  toppedUp = 0n;
  hasLostRedis = false;

  constructor(
    readonly trades: readonly Trade[],
    readonly plans: readonly PlanTerms[],
    readonly gateways: readonly TestGateway[],
  ) {}

  static async begin(): Promise<Model> {
    const consumerId = await corner.account('consumer');
    const trades = [
      await corner.trade(offers[0] ?? {}, { consumerId }),
      await corner.trade(offers[1] ?? {}, { consumerId }),
      await corner.trade(offers[2] ?? {}),
    ];
    const plans = offers.map((offer) => planTermsSchema.parse({ currency: 'EUR', ...offer }));
    const model = new Model(trades, plans, [corner.gateway(), corner.gateway()]);
    // Some money, and credit at both gateways.
    await model.do({ do: 'top up', trade: 0, amount: 500_000n });
    await model.do({ do: 'top up', trade: 2, amount: 100_000n });
    for (let round = 0; round < 2; round += 1) {
      for (const index of offers.keys()) for (const at of [0, 1]) await model.deliver(index, at, 1, 0);
      await corner.turn(midMonth());
    }
    for (const index of offers.keys()) for (const at of [0, 1]) await model.deliver(index, at, 1, 0);
    return model;
  }

  of(index: number) {
    const trade = this.trades[index];
    const plan = this.plans[index];
    const delivered = this.delivered[index];
    if (!trade || !plan || !delivered) throw new Error('no such trade');
    return { trade, plan, delivered };
  }

  charge(index: number, more = 0n): bigint {
    const { plan, delivered } = this.of(index);
    const all = BigInt(delivered.size) + more;
    const free = index === 0 ? BigInt(freeReadings) : 0n;
    const readings = all > free ? all - free : 0n;
    return monthlyCharge(plan, november, { ...noUse, readings, bytes: all * bytesPerReading });
  }

  /** A gateway delivers what it has credit for: units are readings or, for the last offer, bytes. */
  async deliver(index: number, gatewayIndex: number, from: number, count: number): Promise<void> {
    const { trade, delivered } = this.of(index);
    const gateway = this.gateways[gatewayIndex];
    if (!gateway) throw new Error('no such gateway');
    const perReading = index === 2 ? Number(bytesPerReading) : 1;
    const covered = Math.min(count, Math.floor(gateway.unitsOf(trade.subscriptionId) / perReading));
    const spans = covered > 0 ? [span(from, from + covered - 1)] : [];
    for (let seq = from; seq < from + covered; seq += 1) delivered.add(seq);
    if (covered > 0) this.reports.push({ trade, gateway, spans });
    this.unsettled = this.unsettled.map((units, at) => (at === index ? units + covered * perReading : units));
    await gateway.call(trade, { spans, spent: covered * perReading, wants: 40 * perReading });
  }

  async do(step: Step): Promise<void> {
    await this.carryOut(step);
    if (/settle|crash|sweep/.test(step.do)) this.unsettled = offers.map(() => 0);
  }

  private async carryOut(step: Step): Promise<void> {
    switch (step.do) {
      case 'deliver':
        return this.deliver(step.trade, step.gateway, this.of(step.trade).delivered.size + 1, step.count);
      case 'resend':
        return this.deliver(step.trade, step.gateway, step.from, step.count);
      case 'report again':
        // As after a resumed connection: nothing is spent, for it was before.
        for (const { trade, gateway, spans } of this.reports.slice(-3)) await gateway.call(trade, { spans });
        return;
      case 'settle':
        await corner.turn(midMonth());
        return;
      case 'sweep':
        await corner.turn({ ...midMonth(), sweepAfter: 0n });
        return;
      case 'crash before Redis knows': {
        const crash = new Error('the process was killed');
        const committed = () => {
          throw crash;
        };
        await expect(settleTurn(corner.context, { ...midMonth(), sweepAfter: 0n, committed })).rejects.toBe(crash);
        return;
      }
      case 'settle twice at once':
        await Promise.all([
          settleTurn(corner.context, midMonth()),
          settleTurn(corner.context, { ...midMonth(), sweepAfter: 0n }),
        ]);
        return;
      case 'top up':
        this.toppedUp += step.amount;
        return corner.fund(this.of(step.trade).trade, step.amount);
      case 'lose Redis':
        // What was reported and not settled is kept, as what Redis had written to its log.
        this.hasLostRedis = true;
        await corner.loseCredits();
    }
  }

  async check(): Promise<void> {
    const credits = await corner.usageLog.inspect(
      0,
      this.trades.map(({ subscriptionId }) => subscriptionId),
    );
    for (const [index, { left, leased }] of credits.entries()) {
      const { trade } = this.of(index);
      const { hold, wallet } = await corner.balances(trade);
      expect(hold).toBeGreaterThanOrEqual(0n);
      expect(wallet).toBeGreaterThanOrEqual(0n);
      const settled = await corner.recorded(trade);
      const out = BigInt(left + leased + (this.unsettled[index] ?? 0)) / (index === 2 ? bytesPerReading : 1n);
      const covers = chargeFrom(this, index, settled.readings ?? 0n, out);
      if (!this.hasLostRedis) expect(hold, `hold of ${trade.subscriptionId}`).toBeGreaterThanOrEqual(covers);
    }
  }

  async checkEnd(): Promise<void> {
    for (let round = 0; round < 3; round += 1) await corner.turn({ ...midMonth(), sweepAfter: 0n });
    let paid = 0n;
    let charged = 0n;
    for (const index of offers.keys()) {
      const { trade, delivered } = this.of(index);
      const record = await corner.recorded(trade);
      expect(record).toMatchObject({
        readings: BigInt(delivered.size),
        bytes: BigInt(delivered.size) * bytesPerReading,
      });
      // Where nothing is held any more, what goes beyond the wallet is free.
      if (this.hasLostRedis) expect(record.charged).toBeLessThanOrEqual(this.charge(index));
      else expect(record.charged).toBe(this.charge(index));
      const { earnings, hold, debt } = await corner.balances(trade);
      expect(debt).toBe(0n);
      expect(earnings + (record.fee ?? 0n)).toBe(record.charged);
      charged += record.charged ?? 0n;
      paid += hold;
      if (index !== 1) paid += (await corner.balances(trade)).wallet;
    }
    expect(paid + charged).toBe(this.toppedUp);
    expect(await corner.mismatch()).toBeUndefined();
  }
}

function chargeFrom(model: Model, index: number, readings: bigint, out: bigint): bigint {
  const { plan } = model.of(index);
  const free = index === 0 ? BigInt(freeReadings) : 0n;
  const billable = (all: bigint) => ({
    ...noUse,
    readings: all > free ? all - free : 0n,
    bytes: all * bytesPerReading,
  });
  const cost = (all: bigint) => monthlyCharge(plan, november, billable(all));
  return cost(readings + out) - cost(readings);
}

it('whatever is delivered, resent, reported again, settled twice, or cut off by a crash is billed once, and covered before', {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const model = await Model.begin();
      for (const step of steps) {
        await model.do(step);
        await model.check();
      }
      await model.checkEnd();
    }),
    { numRuns: 12, interruptAfterTimeLimit: 150_000, markInterruptAsFailure: false },
  );
});
