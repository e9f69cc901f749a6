import type { Queryable } from '@motience/database';
import { noUse, type PlanTerms, planTermsSchema } from '@motience/ledger/pricing';
import { sql } from 'drizzle-orm';
import { daysBetween, monthOfDay, startOf } from '../settlement/days.ts';
import { excessSilence, type Seconds, secondsInBoth } from './silence.ts';
import { sellsTime, silenceCredit } from './silence-credit.ts';

/** A subscription on a plan that promises something about silences. */
export interface PromisedSubscription {
  readonly id: bigint;
  readonly producerId: bigint;
  readonly plan: PlanTerms;
  readonly promisedSeconds: number;
  /** Its life, in whole seconds. */
  readonly life: Seconds;
}

/** A day on which the stream was silent for longer than promised, in time that was paid for. */
export interface SilentDay {
  readonly subscriptionId: bigint;
  readonly day: string;
  readonly seconds: bigint;
  /** What is credited for it. */
  readonly amount: bigint;
}

const daySeconds = 86_400;

/** Those of the subscriptions whose plan sells time and promises something about silences. */
export async function readPromised(tx: Queryable, ids: readonly bigint[]): Promise<PromisedSubscription[]> {
  if (ids.length === 0) return [];
  const rows = await tx.execute<
    Record<'id' | 'producer_id' | 'promised' | 'from' | 'until', string> & { terms: unknown }
  >(sql`
    select s.id::text, s.producer_id::text, p.terms, p.max_silence_seconds::text as promised,
      ceil(extract(epoch from s.created_at))::bigint::text as "from",
      coalesce(ceil(extract(epoch from s.ended_at))::bigint, ${Number.MAX_SAFE_INTEGER}::bigint)::text as until
    from subscriptions s join plans p on p.id = s.plan_id
    where p.max_silence_seconds is not null and s.id in ${[...ids]} order by s.id`);
  return rows
    .map(({ id, producer_id, terms, promised, from, until }) => ({
      id: BigInt(id),
      producerId: BigInt(producer_id),
      plan: planTermsSchema.parse(terms),
      promisedSeconds: Number(promised),
      life: { from: Number(from), until: Number(until) },
    }))
    .filter(({ plan }) => sellsTime(plan));
}

/**
 * The silent days of a subscription from `first` to `last`, in order, recomputed from what is recorded of the stream and of
 * the time that was paid for. `before`, by month, is what the days before are known to have been.
 */
export async function silentDays(
  tx: Queryable,
  subscription: PromisedSubscription,
  [first, last]: readonly [string, string],
  before: { readonly seconds: bigint; readonly amount: bigint },
): Promise<SilentDay[]> {
  const { id, plan, promisedSeconds } = subscription;
  const found: SilentDay[] = [];
  let { seconds: silentSeconds, amount: credited } = before;
  let month = monthOfDay(first);
  const use = await readUse(tx, id, `${month}-01`, last);
  let billable = noUse;
  let charged = 0n;
  for (const day of daysBetween(`${month}-01`, last)) {
    if (monthOfDay(day) !== month) {
      month = monthOfDay(day);
      [silentSeconds, credited, charged, billable] = [0n, 0n, 0n, noUse];
    }
    const ofDay = use.get(day);
    if (ofDay) {
      const { readings, bytes, seconds } = billable;
      billable = {
        readings: readings + ofDay.readings,
        bytes: bytes + ofDay.bytes,
        seconds: seconds + ofDay.seconds,
      };
      charged += ofDay.charged;
    }
    if (day < first) continue;
    const from = startOf(day).getTime() / 1_000;
    const window = { from, until: from + daySeconds };
    const paid = plan.kind === 'per-time' ? await readPaidTime(tx, id, window) : [clip(subscription.life, window)];
    const isSold = paid.some((piece) => piece.from < piece.until);
    const silences = isSold ? await readSilences(tx, subscription.producerId, promisedSeconds, window) : [];
    const seconds = secondsInBoth(silences, paid);
    silentSeconds += seconds;
    const amount = silenceCredit(plan, { month, billable, charged, silentSeconds, credited });
    credited += amount;
    if (seconds > 0n || amount > 0n) found.push({ subscriptionId: id, day, seconds, amount });
  }
  return found;
}

function clip(one: Seconds, other: Seconds): Seconds {
  return { from: Math.max(one.from, other.from), until: Math.min(one.until, other.until) };
}

async function readUse(tx: Queryable, id: bigint, first: string, last: string) {
  const rows = await tx.execute<Record<'day' | 'readings' | 'bytes' | 'seconds' | 'charged', string>>(sql`
    select day::text, (readings - trial_readings)::text as readings, (bytes - trial_bytes)::text as bytes,
      (seconds - trial_seconds)::text as seconds, charged::text
    from subscription_days where subscription_id = ${id} and day between ${first} and ${last}`);
  return new Map(
    rows.map(({ day, readings, bytes, seconds, charged }) => [
      day,
      { readings: BigInt(readings), bytes: BigInt(bytes), seconds: BigInt(seconds), charged: BigInt(charged) },
    ]),
  );
}

async function readPaidTime(tx: Queryable, id: bigint, window: Seconds): Promise<Seconds[]> {
  const rows = await tx.execute<Record<'from' | 'until', string>>(sql`
    select extract(epoch from from_at)::bigint::text as "from", extract(epoch from until_at)::bigint::text as until
    from delivered_time
    where subscription_id = ${id} and not in_trial
      and from_at < to_timestamp(${window.until}) and until_at > to_timestamp(${window.from})
    order by from_at`);
  return rows.map(({ from, until }) => clip({ from: Number(from), until: Number(until) }, window));
}

/** When a stream was silent for longer than promised, within a day. */
async function readSilences(tx: Queryable, producerId: bigint, promised: number, window: Seconds): Promise<Seconds[]> {
  const rows = await tx.execute<Record<'minute' | 'heard', string>>(sql`
    select extract(epoch from minute)::bigint::text as minute, heard_seconds::text as heard from stream_minutes
    where producer_id = ${producerId} and minute >= to_timestamp(${window.from}) and minute < to_timestamp(${window.until})
    order by minute`);
  const [before] = await tx.execute<{ at: string }>(sql`
    select floor(extract(epoch from last_received_at))::bigint::text as at from stream_minutes
    where producer_id = ${producerId} and minute < to_timestamp(${window.from}) order by minute desc limit 1`);
  const minutes = rows.map(({ minute, heard }) => ({ minute: Number(minute), heard: BigInt(heard) }));
  return excessSilence(minutes, before && Number(before.at), promised, window);
}
