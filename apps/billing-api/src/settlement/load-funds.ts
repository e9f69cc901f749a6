import {
  ledgerAccounts,
  plans,
  type Queryable,
  spendingLimits,
  subscriptionDays,
  subscriptionMeters,
  subscriptions,
} from '@motience/database';
import { type Currency, currencySchema } from '@motience/ledger/pricing';
import { and, count, eq, gte, inArray, ne, or, sql } from 'drizzle-orm';
import { dayOf } from './days.ts';
import { Funds, type FundsFacts, type SpendingLimit } from './funds.ts';

/** Which hold of its consumer is a subscription's. */
export function holdName(subscriptionId: string): string {
  return `subscription-${subscriptionId}`;
}

/** The money of consumers, by consumer and currency; `fundsOf` of one that was not asked for has nothing. */
export class FundsTable {
  private readonly funds = new Map<string, Funds>();

  constructor(
    private readonly today: string,
    facts: readonly FundsFacts[],
  ) {
    for (const fact of facts) this.funds.set(`${fact.consumerId}/${fact.currency}`, new Funds(fact));
  }

  of(consumerId: bigint, currency: Currency): Funds {
    const key = `${consumerId}/${currency}`;
    const found = this.funds.get(key) ?? new Funds(nothing(consumerId, currency, this.today));
    this.funds.set(key, found);
    return found;
  }
}

interface LoadedFacts extends FundsFacts {
  readonly holds: Map<string, bigint>;
  readonly limits: SpendingLimit[];
}

/** What a consumer has of whom nothing is known. */
function nothing(consumerId: bigint, currency: Currency, today: string): LoadedFacts {
  return {
    today,
    consumerId,
    currency,
    wallet: 0n,
    owed: 0n,
    holds: new Map(),
    inUse: 0,
    limits: [],
    charged: new Map(),
  };
}

const currencyColumn = sql<string | null>`${plans.terms} ->> 'currency'`.as('currency');

/** Loads what consumers have, hold, owe and limit, as of the transaction. */
export async function loadFunds(tx: Queryable, consumerIds: readonly bigint[], now: Date): Promise<FundsTable> {
  const ids = [...new Set(consumerIds)];
  const today = dayOf(now);
  if (ids.length === 0) return new FundsTable(today, []);
  const facts = new Map<string, LoadedFacts>();
  const factsOf = (consumerId: bigint, currencyText: string) => {
    const currency = currencySchema.parse(currencyText);
    const key = `${consumerId}/${currency}`;
    const found = facts.get(key) ?? nothing(consumerId, currency, today);
    facts.set(key, found);
    return found;
  };

  const { ownerId, kind, balance } = ledgerAccounts;
  const accounts = await tx
    .select()
    .from(ledgerAccounts)
    .where(
      and(inArray(ownerId, ids), or(eq(kind, 'wallet'), eq(kind, 'refunds'), and(eq(kind, 'hold'), ne(balance, 0n)))),
    );
  for (const account of accounts) {
    if (account.ownerId === null) continue;
    const own = factsOf(account.ownerId, account.currency);
    const key = `${account.ownerId}/${account.currency}`;
    if (account.kind === 'hold') own.holds.set(account.name.replace('subscription-', ''), account.balance);
    else if (account.kind === 'wallet') facts.set(key, { ...own, wallet: account.balance });
    else facts.set(key, { ...own, owed: account.balance < 0n ? -account.balance : 0n });
  }

  for (const { consumerId, currency, inUse } of await countInUse(tx, ids)) {
    if (currency !== null) facts.set(`${consumerId}/${currency}`, { ...factsOf(consumerId, currency), inUse });
  }

  const limits = await tx.select().from(spendingLimits).where(inArray(spendingLimits.consumerId, ids));
  for (const { consumerId, currency, subscriptionId, period, amount } of limits) {
    const one = subscriptionId === null ? undefined : String(subscriptionId);
    factsOf(consumerId, currency).limits.push({ subscriptionId: one, period, amount });
  }
  if (limits.length > 0) {
    const limited = [...new Set(limits.map(({ consumerId }) => consumerId))];
    for (const { consumerId, currency, subscriptionId, charged } of await loadCharged(tx, limited, now)) {
      const own = factsOf(consumerId, currency);
      facts.set(`${consumerId}/${own.currency}`, {
        ...own,
        charged: new Map(own.charged).set(subscriptionId, charged),
      });
    }
  }
  return new FundsTable(today, [...facts.values()]);
}

/** How many subscriptions of consumers are in use, by the currency of their plans. */
function countInUse(tx: Queryable, consumerIds: bigint[]) {
  return tx
    .select({ consumerId: subscriptionMeters.consumerId, currency: currencyColumn, inUse: count() })
    .from(subscriptionMeters)
    .innerJoin(subscriptions, eq(subscriptions.id, subscriptionMeters.subscriptionId))
    .innerJoin(plans, eq(plans.id, subscriptions.planId))
    .where(and(inArray(subscriptionMeters.consumerId, consumerIds), ne(subscriptionMeters.state, 'idle')))
    .groupBy(subscriptionMeters.consumerId, sql`currency`);
}

/** What was charged on the day, and in the month, of `now`, by subscription. */
export async function loadCharged(tx: Queryable, consumerIds: bigint[], now: Date) {
  const today = dayOf(now);
  const rows = await tx
    .select({
      consumerId: subscriptionMeters.consumerId,
      currency: currencyColumn,
      subscriptionId: subscriptionDays.subscriptionId,
      day: sql<string>`coalesce(sum(${subscriptionDays.charged}) filter (where ${subscriptionDays.day} = ${today}), 0)::text`,
      month: sql<string>`sum(${subscriptionDays.charged})::text`,
    })
    .from(subscriptionMeters)
    .innerJoin(subscriptionDays, eq(subscriptionDays.subscriptionId, subscriptionMeters.subscriptionId))
    .innerJoin(subscriptions, eq(subscriptions.id, subscriptionMeters.subscriptionId))
    .innerJoin(plans, eq(plans.id, subscriptions.planId))
    .where(
      and(inArray(subscriptionMeters.consumerId, consumerIds), gte(subscriptionDays.day, `${today.slice(0, 7)}-01`)),
    )
    .groupBy(subscriptionMeters.consumerId, sql`currency`, subscriptionDays.subscriptionId);
  return rows.flatMap((row) =>
    row.currency === null
      ? []
      : [
          {
            consumerId: row.consumerId,
            currency: row.currency,
            subscriptionId: String(row.subscriptionId),
            charged: { day: BigInt(row.day), month: BigInt(row.month) },
          },
        ],
  );
}
