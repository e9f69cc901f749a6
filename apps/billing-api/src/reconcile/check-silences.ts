import type { Queryable } from '@motience/database';
import { formatAmount } from '@motience/ledger/pricing';
import { sql } from 'drizzle-orm';
import { type PromisedSubscription, readPromised, silentDays } from '../closing/silent-days.ts';
import { addDays } from '../settlement/days.ts';

interface Closing extends Record<string, unknown> {
  id: string;
  first: string;
  last: string;
}

/** What is noted of a day; nothing is the same as no row. */
interface Noted {
  readonly seconds: bigint;
  readonly amount: bigint;
}
const nothing: Noted = { seconds: 0n, amount: 0n };

/**
 * Recomputes the silences of the closed days of subscriptions, as far as what streams did is recorded, and what is credited for
 * them. The first that was credited otherwise, in words; undefined if there is none.
 */
export async function checkSilences(
  tx: Queryable,
  ids: readonly bigint[],
  recordedSince = '0001-01-01',
): Promise<string | undefined> {
  const promised = await readPromised(tx, ids);
  if (promised.length === 0) return undefined;
  const closings = await tx.execute<Closing>(sql`
    select s.id::text,
      greatest((s.created_at at time zone 'UTC')::date, c.unheard_through + 1)::text as first, c.closed_through::text as last
    from subscriptions s join subscription_closings c on c.subscription_id = s.id
    where s.id in ${promised.map(({ id }) => id)}`);
  const closingOf = new Map(closings.map((row) => [row.id, row]));
  for (const subscription of promised) {
    const closing = closingOf.get(String(subscription.id));
    if (!closing) continue;
    const { last } = closing;
    // What was said before a reading that is deleted may have been within the promise.
    const known = addDays(recordedSince, Math.ceil(subscription.promisedSeconds / 86_400));
    const mismatch = await checkDays(tx, subscription, [closing.first > known ? closing.first : known, last]);
    if (mismatch !== undefined) return mismatch;
  }
  return undefined;
}

async function checkDays(
  tx: Queryable,
  subscription: PromisedSubscription,
  [first, last]: readonly [string, string],
): Promise<string | undefined> {
  if (first > last) return undefined;
  const { id } = subscription;
  const rows = await tx.execute<Record<'day' | 'seconds' | 'amount', string>>(sql`
    select day::text, seconds::text, amount::text from silence_credits
    where subscription_id = ${id} and day between ${`${first.slice(0, 7)}-01`} and ${last} order by day`);
  const noted = new Map(
    rows.map(({ day, seconds, amount }) => [day, { seconds: BigInt(seconds), amount: BigInt(amount) }]),
  );
  const before = { seconds: 0n, amount: 0n };
  for (const [day, { seconds, amount }] of noted) {
    if (day >= first) continue;
    before.seconds += seconds;
    before.amount += amount;
    noted.delete(day);
  }
  const due = await silentDays(tx, subscription, [first, last], before);
  const dueOn = new Map(due.map((silent) => [silent.day, silent]));
  for (const day of [...new Set([...noted.keys(), ...dueOn.keys()])].sort()) {
    const wanted: Noted = dueOn.get(day) ?? nothing;
    const found = noted.get(day) ?? nothing;
    if (wanted.seconds !== found.seconds || wanted.amount !== found.amount) {
      return `subscription ${id}, ${day}: silent beyond the promise: ${inWords(wanted)}; credited: ${inWords(found)}`;
    }
  }
  return undefined;
}

function inWords({ seconds, amount }: Noted): string {
  return `${seconds} s, ${formatAmount(amount)}`;
}
