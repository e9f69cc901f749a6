import { month, monthlyCharge, noUse, planTermsSchema } from '@motience/ledger/pricing';
import { createKeys, type Slice } from '@motience/stream-log';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { reconcile } from '../reconcile/reconcile.ts';
import { BillingCorner, type TestCall, type TestGateway, type Trade } from '../testing/billing-corner.ts';
import { settleTurn } from './settle-turn.ts';

const trialMinutes = 2;
/** About a hundredth a second, and never exactly. */
const offer = { kind: 'per-time', price: '35.99', per: 'hour', currency: 'EUR' };
const start = Date.parse('2026-11-15T12:00:00.400Z');

type Step =
  | { do: 'receive' | 'be away' | 'resume from'; seconds: number }
  | { do: 'top up'; amount: bigint }
  | { do: 'lose Redis' | 'settle twice at once' | 'crash before Redis knows' };

const seconds = (what: 'receive' | 'be away' | 'resume from', max: number) =>
  fc.record({ do: fc.constant(what), seconds: fc.integer({ min: 1, max }) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: seconds('receive', 40) },
  { weight: 3, arbitrary: seconds('be away', 400) },
  { weight: 6, arbitrary: seconds('resume from', 900) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('top up' as const), amount: fc.bigInt(1n, 3_000_000n) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('lose Redis' as const, 'settle twice at once' as const, 'crash before Redis knows' as const),
    }),
  },
);

let corner: BillingCorner;

beforeAll(async () => {
  corner = await BillingCorner.open();
});
afterAll(() => corner.close());

class Model {
  private nowMs = start;
  private funded = 0n;

  private constructor(
    private readonly trade: Trade,
    private readonly gateway: TestGateway,
    private readonly plan: object,
  ) {}

  static async begin(hasTrial: boolean): Promise<Model> {
    const plan = hasTrial ? { ...offer, trial: { minutes: trialMinutes } } : offer;
    const model = new Model(await corner.trade(plan), corner.gateway(), plan);
    await model.do({ do: 'top up', amount: 2_000_000n });
    return model;
  }

  private get turnOptions() {
    const now = new Date(this.nowMs);
    return { sweepAfter: 0n, clocks: { ours: now, redis: now } };
  }

  /** The gateway names it, at a time of our own. */
  private async call(more: Partial<TestCall> = {}): Promise<Slice> {
    const slice = await this.gateway.call(this.trade, more);
    const key = `${createKeys(corner.prefix).usagePrefix}credit:${this.trade.subscriptionId}`;
    await corner.redis.hset(key, 'interested', this.nowMs);
    return slice;
  }

  async do(step: Step): Promise<void> {
    switch (step.do) {
      case 'receive':
        for (let left = step.seconds; left > 0; left -= 10) {
          await this.call({ wants: 1 });
          this.nowMs += Math.min(left, 10) * 1_000;
          await corner.turn(this.turnOptions);
        }
        return;
      case 'be away':
        this.nowMs += step.seconds * 1_000;
        return;
      case 'resume from':
        await this.call({ wants: 1, coverFromMs: this.nowMs - step.seconds * 1_000 });
        await corner.turn(this.turnOptions);
        return;
      case 'top up':
        this.funded += step.amount;
        return corner.fund(this.trade, step.amount);
      case 'lose Redis':
        return corner.loseCredits();
      case 'settle twice at once': {
        const { turnOptions } = this;
        await Promise.all([settleTurn(corner.context, turnOptions), settleTurn(corner.context, turnOptions)]);
        return;
      }
      case 'crash before Redis knows': {
        const crash = new Error('the process was killed');
        const committed = () => {
          throw crash;
        };
        await expect(settleTurn(corner.context, { ...this.turnOptions, committed })).rejects.toBe(crash);
        // What Redis was not told the next turn tells it.
        await corner.turn(this.turnOptions);
      }
    }
  }

  /** All time since when a gateway is told that it is paid for is, but for the second in which credit was opened. */
  async checkCover(): Promise<void> {
    const { unit, coveredFromMs } = await this.call({ isReceived: false });
    if (unit !== 'time' || coveredFromMs === undefined) return;
    const from = new Date(coveredFromMs).toISOString();
    const [row] = await corner.database.sql`
      with trial as (
        select started_at - interval '11 seconds' as from_at, started_at + ${trialMinutes} * interval '1 minute' as until_at
        from trials t join subscriptions s using (consumer_id, producer_id)
        where s.id = ${this.trade.subscriptionId} and ${'trial' in this.plan})
      select count(*)::int as unpaid from subscription_meters m,
        generate_series(date_trunc('second', ${from}::timestamptz), m.accrued_until - interval '1 second', '1 second') as at
      where m.subscription_id = ${this.trade.subscriptionId} and at > ${from}
        and not exists (select from delivered_time d where d.subscription_id = m.subscription_id
          and at >= d.from_at and at < d.until_at)
        and not exists (select from trial where at >= trial.from_at and at < trial.until_at)`;
    expect(row?.unpaid).toBe(0);
  }

  async checkEnd(): Promise<void> {
    const [times] = await corner.database.sql`
      select coalesce(sum(extract(epoch from until_at - from_at)), 0)::int as seconds,
        coalesce(sum(extract(epoch from until_at - from_at)) filter (where in_trial), 0)::int as free,
        (select count(*)::int from delivered_time o join delivered_time d using (subscription_id)
          where subscription_id = ${this.trade.subscriptionId} and o.from_at < d.from_at and o.until_at > d.from_at) as twice
      from delivered_time where subscription_id = ${this.trade.subscriptionId}`;
    const record = await corner.recorded(this.trade);
    expect(times?.twice).toBe(0);
    expect(record.seconds).toBe(BigInt(times?.seconds));
    const paid = BigInt(times?.seconds) - BigInt(times?.free);
    const plan = planTermsSchema.parse(this.plan);
    expect(record.charged).toBe(monthlyCharge(plan, month('2026-11'), { ...noUse, seconds: paid }));
    const { wallet, hold, debt } = await corner.balances(this.trade);
    expect([debt, wallet >= 0n, hold >= 0n]).toEqual([0n, true, true]);
    expect(wallet + hold + (record.charged ?? 0n)).toBe(this.funded);
  }
}

it('whatever is received, interrupted and resumed on a plan by time, each second is charged at most once, and before it is given', {
  timeout: 240_000,
}, async () => {
  const steps = fc.array(step, { minLength: 5, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (all, hasTrial) => {
      const model = await Model.begin(hasTrial);
      for (const each of all) {
        await model.do(each);
        await model.checkCover();
      }
      await model.checkEnd();
    }),
    { numRuns: 25, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
  );
  expect((await reconcile(corner.database.db)).mismatch).toBeUndefined();
  expect(await corner.mismatch()).toBeUndefined();
});
