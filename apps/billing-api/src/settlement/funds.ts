import type { Currency } from '@motience/ledger/pricing';
import { monthOfDay } from './days.ts';

/** What a consumer wants to spend at most: on one subscription, or on all. */
export interface SpendingLimit {
  readonly subscriptionId: string | undefined;
  readonly period: 'day' | 'month';
  readonly amount: bigint;
}

export interface Charged {
  readonly day: bigint;
  readonly month: bigint;
}

export interface FundsFacts {
  /** The day (UTC) it is. */
  readonly today: string;
  readonly consumerId: bigint;
  readonly currency: Currency;
  readonly wallet: bigint;
  /** What the consumer owes. */
  readonly owed: bigint;
  /** What is held, by subscription. */
  readonly holds: ReadonlyMap<string, bigint>;
  /** How many subscriptions in use are paid from it. */
  readonly inUse: number;
  readonly limits: readonly SpendingLimit[];
  /** What was charged today and this month, by subscription; needed only where there are limits. */
  readonly charged: ReadonlyMap<string, Charged>;
}

/** What may be held for a subscription, with what is held already, and what keeps it from being more. */
export interface Budget {
  readonly amount: bigint;
  readonly reason: 'insufficient-funds' | 'spending-limit';
}

/** What a turn takes for a subscription. */
export interface Taken {
  readonly fromHold: bigint;
  readonly fromWallet: bigint;
}

/** The money of one consumer in one currency, during one turn of settlement. */
export class Funds {
  private wallet: bigint;
  private readonly holds: Map<string, bigint>;
  private readonly charged: Map<string, Charged>;
  private readonly taken = new Map<string, Taken>();

  constructor(readonly facts: FundsFacts) {
    this.wallet = facts.wallet;
    this.holds = new Map(facts.holds);
    this.charged = new Map(facts.charged);
  }

  heldFor(subscriptionId: string): bigint {
    return this.holds.get(subscriptionId) ?? 0n;
  }

  /** All there is, whatever it is held for, less what is owed. */
  get total(): bigint {
    return [...this.holds.values()].reduce((sum, held) => sum + held, this.wallet) - this.facts.owed;
  }

  /** As much of all there is as each subscription in use would get of it. */
  get share(): bigint {
    const { total } = this;
    return total > 0n ? total / BigInt(Math.max(1, this.facts.inUse)) : 0n;
  }

  /** What can be held besides: what is owed comes first. */
  private get free(): bigint {
    const { owed } = this.facts;
    return this.wallet > owed ? this.wallet - owed : 0n;
  }

  /** What can be charged to a subscription now: its hold, and, where Redis lost what had been given out, the wallet. */
  payableFor(subscriptionId: string): bigint {
    return this.heldFor(subscriptionId) + this.wallet;
  }

  /** Takes a charge for a day, of no more than is payable: from the subscription's hold first. It counts for the limits. */
  take(subscriptionId: string, charge: bigint, day: string): void {
    const held = this.heldFor(subscriptionId);
    const fromHold = charge < held ? charge : held;
    const fromWallet = charge - fromHold;
    if (fromWallet > this.wallet) throw new RangeError(`subscription ${subscriptionId}: a charge cannot be paid`);
    this.holds.set(subscriptionId, held - fromHold);
    this.wallet -= fromWallet;
    const before = this.takenFor(subscriptionId);
    this.taken.set(subscriptionId, {
      fromHold: before.fromHold + fromHold,
      fromWallet: before.fromWallet + fromWallet,
    });
    const { today } = this.facts;
    if (monthOfDay(day) !== monthOfDay(today)) return;
    const counted = this.charged.get(subscriptionId) ?? { day: 0n, month: 0n };
    const ofToday = day === today ? charge : 0n;
    this.charged.set(subscriptionId, { day: counted.day + ofToday, month: counted.month + charge });
  }

  /** All that was taken for a subscription. */
  takenFor(subscriptionId: string): Taken {
    return this.taken.get(subscriptionId) ?? { fromHold: 0n, fromWallet: 0n };
  }

  /** Whether the consumer wants to spend no more than so much on it. */
  isLimited(subscriptionId: string): boolean {
    return this.limitsOf(subscriptionId).length > 0;
  }

  budgetFor(subscriptionId: string): Budget {
    const amount = this.free + this.heldFor(subscriptionId);
    const room = this.limitRoom(subscriptionId);
    if (room === undefined || room >= amount) return { amount, reason: 'insufficient-funds' };
    return { amount: room > 0n ? room : 0n, reason: 'spending-limit' };
  }

  /** Changes what is held for a subscription to `wanted`, as far as there is money; gives the difference. */
  hold(subscriptionId: string, wanted: bigint): bigint {
    const held = this.heldFor(subscriptionId);
    const difference = wanted - held < this.free ? wanted - held : this.free;
    this.holds.set(subscriptionId, held + difference);
    this.wallet -= difference;
    return difference;
  }

  /** How much of the narrowest limit is left, in percent; undefined without limits. */
  limitPercent(subscriptionId: string): bigint | undefined {
    const percents = this.limitsOf(subscriptionId).map(({ amount, spent }) =>
      amount > spent ? ((amount - spent) * 100n) / amount : 0n,
    );
    return percents.length === 0 ? undefined : percents.reduce((least, next) => (next < least ? next : least));
  }

  private limitRoom(subscriptionId: string): bigint | undefined {
    const rooms = this.limitsOf(subscriptionId).map(({ amount, spent, heldByOthers }) => amount - spent - heldByOthers);
    return rooms.length === 0 ? undefined : rooms.reduce((least, next) => (next < least ? next : least));
  }

  private limitsOf(subscriptionId: string) {
    return this.facts.limits
      .filter((limit) => limit.subscriptionId === undefined || limit.subscriptionId === subscriptionId)
      .map(({ amount, period, subscriptionId: one }) => {
        let spent = 0n;
        let heldByOthers = 0n;
        for (const [of, charged] of this.charged) if (one === undefined || of === one) spent += charged[period];
        if (one === undefined) {
          for (const [of, held] of this.holds) if (of !== subscriptionId) heldByOthers += held;
        }
        return { amount, spent, heldByOthers };
      });
  }
}
