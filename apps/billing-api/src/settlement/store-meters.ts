import type { Queryable } from '@motience/database';
import { sql } from 'drizzle-orm';
import type { Meter } from './meter.ts';

/** Writes what a turn changed of meters, their days and their trials: one statement for each. */
export async function storeMeters(tx: Queryable, meters: readonly Meter[]): Promise<void> {
  await storeRows(tx, meters);
  await storeDays(tx, meters);
  await storeTimes(tx, meters);
  await storeTrials(tx, meters);
}

async function storeRows(tx: Queryable, meters: readonly Meter[]): Promise<void> {
  if (meters.length === 0) return;
  const rows = meters.map(({ facts, row }) => ({
    s: facts.subscriptionId,
    c: String(facts.consumerId),
    p: String(facts.producerId),
    fee: row.feePpm,
    state: row.state,
    reason: row.reason,
    settled: row.settledAt,
    accrued: row.accruedUntil,
    paid: row.paidUntil,
    rate: String(row.rate),
    funds: String(row.funds),
    peak: String(row.fundsPeak),
  }));
  await tx.execute(sql`
    insert into subscription_meters as m (subscription_id, consumer_id, producer_id, fee_ppm, state, reason, settled_at,
      accrued_until, paid_until, rate, funds, funds_peak)
    select * from json_to_recordset(${JSON.stringify(rows)}::json) as r(s bigint, c bigint, p bigint, fee int, state text,
      reason text, settled timestamptz, accrued timestamptz, paid timestamptz, rate bigint, funds bigint, peak bigint)
    on conflict (subscription_id) do update set state = excluded.state, reason = excluded.reason,
      settled_at = excluded.settled_at, accrued_until = excluded.accrued_until, paid_until = excluded.paid_until,
      rate = excluded.rate, funds = excluded.funds, funds_peak = excluded.funds_peak`);
}

async function storeDays(tx: Queryable, meters: readonly Meter[]): Promise<void> {
  const rows = meters.flatMap(({ facts, days }) =>
    [...days].map(([day, { use, free, charged, fee }]) => ({
      s: facts.subscriptionId,
      d: day,
      r: String(use.readings),
      b: String(use.bytes),
      t: String(use.seconds),
      fr: String(free.readings),
      fb: String(free.bytes),
      ft: String(free.seconds),
      c: String(charged),
      fee: String(fee),
    })),
  );
  if (rows.length === 0) return;
  await tx.execute(sql`
    insert into subscription_days as y (subscription_id, day, readings, bytes, seconds, trial_readings, trial_bytes,
      trial_seconds, charged, fee)
    select * from json_to_recordset(${JSON.stringify(rows)}::json) as r(s bigint, d date, r bigint, b bigint, t bigint,
      fr bigint, fb bigint, ft bigint, c bigint, fee bigint)
    on conflict (subscription_id, day) do update set readings = y.readings + excluded.readings,
      bytes = y.bytes + excluded.bytes, seconds = y.seconds + excluded.seconds,
      trial_readings = y.trial_readings + excluded.trial_readings, trial_bytes = y.trial_bytes + excluded.trial_bytes,
      trial_seconds = y.trial_seconds + excluded.trial_seconds, charged = y.charged + excluded.charged,
      fee = y.fee + excluded.fee`);
}

/** A time that goes on where another of its kind ends makes it longer. */
async function storeTimes(tx: Queryable, meters: readonly Meter[]): Promise<void> {
  const rows = meters.flatMap(({ facts, times }) =>
    times.map(({ from, until, inTrial }) => ({ s: facts.subscriptionId, f: from, u: until, t: inTrial })),
  );
  if (rows.length === 0) return;
  await tx.execute(sql`
    with told as (select * from json_to_recordset(${JSON.stringify(rows)}::json)
        as r(s bigint, f timestamptz, u timestamptz, t boolean)),
      longer as (update delivered_time d set until_at = told.u from told
        where (d.subscription_id, d.until_at, d.in_trial) = (told.s, told.f, told.t)
        returning told.s, told.f)
    insert into delivered_time (subscription_id, from_at, until_at, in_trial)
    select s, f, u, t from told where (s, f) not in (select s, f from longer)`);
}

async function storeTrials(tx: Queryable, meters: readonly Meter[]): Promise<void> {
  const changed = new Set(meters.map(({ facts }) => facts.trial).filter(({ hasChanged }) => hasChanged));
  if (changed.size === 0) return;
  const rows = [...changed].map(({ consumerId, producerId, startedAt, spent }) => ({
    c: String(consumerId),
    p: String(producerId),
    a: startedAt,
    r: String(spent.readings),
    b: String(spent.bytes),
  }));
  await tx.execute(sql`
    insert into trials (consumer_id, producer_id, started_at, readings, bytes)
    select * from json_to_recordset(${JSON.stringify(rows)}::json)
      as r(c bigint, p bigint, a timestamptz, r bigint, b bigint)
    on conflict (consumer_id, producer_id) do update set readings = excluded.readings, bytes = excluded.bytes`);
}
