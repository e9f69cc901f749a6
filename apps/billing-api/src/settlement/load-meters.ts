import { plans, type Queryable, subscriptionDays, subscriptionMeters, subscriptions, trials } from '@motience/database';
import { type Month, month, monthOf, noUse, planTermsSchema } from '@motience/ledger/pricing';
import { and, eq, gte, inArray, sql } from 'drizzle-orm';
import { earlier } from './days.ts';
import { Meter, type MeterRow, type MonthTotal } from './meter.ts';
import { TrialState } from './trial.ts';

export interface LoadOptions {
  readonly subscriptionIds: readonly string[];
  /** Of meters that begin now. */
  readonly feePpm: number;
  /** Use from then on may be charged. */
  readonly since: Date;
}

const sumOf = (column: (typeof subscriptionDays)['readings']) => sql<string>`sum(${column})::text`;

/** Locks and loads the meters of subscriptions, in the order of their ids; those that do not exist are left out. */
export async function loadMeters(tx: Queryable, options: LoadOptions): Promise<Meter[]> {
  const ids = options.subscriptionIds.map(BigInt);
  if (ids.length === 0) return [];
  await tx
    .select({ id: subscriptionMeters.subscriptionId })
    .from(subscriptionMeters)
    .where(inArray(subscriptionMeters.subscriptionId, ids))
    .orderBy(subscriptionMeters.subscriptionId)
    .for('update');
  const rows = await tx
    .select({ subscription: subscriptions, terms: plans.terms, meter: subscriptionMeters, trial: trials })
    .from(subscriptions)
    .leftJoin(plans, eq(plans.id, subscriptions.planId))
    .leftJoin(subscriptionMeters, eq(subscriptionMeters.subscriptionId, subscriptions.id))
    .leftJoin(
      trials,
      and(eq(trials.consumerId, subscriptions.consumerId), eq(trials.producerId, subscriptions.producerId)),
    )
    .where(inArray(subscriptions.id, ids))
    .orderBy(subscriptions.id);
  const accrued = rows.flatMap(({ meter }) => (meter?.accruedUntil ? [meter.accruedUntil] : []));
  const since = accrued.reduce(earlier, options.since);
  const months = await loadMonths(tx, ids, `${monthOf(since)}-01`);
  const shared = new Map<string, TrialState>();
  return rows.map(({ subscription, terms, meter, trial }) => {
    const { id, consumerId, producerId } = subscription;
    const pair = `${consumerId}/${producerId}`;
    const spent = { ...noUse, readings: trial?.readings ?? 0n, bytes: trial?.bytes ?? 0n };
    const state = shared.get(pair) ?? new TrialState(consumerId, producerId, trial?.startedAt, spent);
    shared.set(pair, state);
    return new Meter({
      subscriptionId: String(id),
      consumerId,
      producerId,
      endedAt: subscription.endedAt ?? undefined,
      plan: terms === null ? { kind: 'free' } : planTermsSchema.parse(terms),
      trial: state,
      months: months.get(String(id)) ?? new Map(),
      row: meter ?? newRow(subscription.createdAt, options.feePpm),
    });
  });
}

function newRow(since: Date, feePpm: number): MeterRow {
  return {
    feePpm,
    state: 'idle',
    reason: null,
    settledAt: since,
    accruedUntil: null,
    paidUntil: null,
    rate: 0n,
    funds: 0n,
    fundsPeak: 0n,
  };
}

async function loadMonths(
  tx: Queryable,
  ids: bigint[],
  sinceDay: string,
): Promise<Map<string, Map<Month, MonthTotal>>> {
  const { subscriptionId, day, readings, bytes, seconds, trialReadings, trialBytes, trialSeconds, charged } =
    subscriptionDays;
  const ofMonth = sql<string>`to_char(${day}, 'YYYY-MM')`;
  const rows = await tx
    .select({
      subscriptionId,
      month: ofMonth.as('month'),
      readings: sql<string>`(${sumOf(readings)}::numeric - ${sumOf(trialReadings)}::numeric)::text`,
      bytes: sql<string>`(${sumOf(bytes)}::numeric - ${sumOf(trialBytes)}::numeric)::text`,
      seconds: sql<string>`(${sumOf(seconds)}::numeric - ${sumOf(trialSeconds)}::numeric)::text`,
      charged: sumOf(charged),
    })
    .from(subscriptionDays)
    .where(and(inArray(subscriptionId, ids), gte(day, sinceDay)))
    .groupBy(subscriptionId, sql`month`);
  const found = new Map<string, Map<Month, MonthTotal>>();
  for (const row of rows) {
    const ofSubscription = found.get(String(row.subscriptionId)) ?? new Map<Month, MonthTotal>();
    found.set(String(row.subscriptionId), ofSubscription);
    ofSubscription.set(month(row.month), {
      billable: { readings: BigInt(row.readings), bytes: BigInt(row.bytes), seconds: BigInt(row.seconds) },
      charged: BigInt(row.charged),
    });
  }
  return found;
}
