import { randomUUID } from 'node:crypto';
import { lockAccounts, type Queryable, topUps } from '@motience/database';
import { type Currency, formatAmount, type Micros } from '@motience/ledger/pricing';
import { Refusal, type TopUp } from '@motience/protocol';
import { and, eq, gt, inArray, isNull, lt, min, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { refuseWithoutProvider } from '../payments/admin-provider.ts';
import { addTopUp } from './add-top-up.ts';
import { leastPaid, mostAtOnce } from './top-up-bounds.ts';
import { toTopUp } from './top-up-row.ts';

/** How many an account may begin within a day without paying them. */
const mostBegun = 20;
/** One that was not paid is forgotten after so many days: no provider tells of a payment as late as that. */
const keptDays = 30;

/**
 * Begins a payment into the own wallet. Under the same key the same one. Refuses with `forbidden` where no provider is
 * configured, `invalid-request` what it cannot count, `conflict` if the key stands for something else, `rate-limited` if too
 * many were begun and not paid, `unavailable` if the provider does not answer.
 */
export async function beginTopUp(
  { database, provider }: Pick<Context, 'database' | 'provider'>,
  wanted: { accountId: bigint; currency: Currency; amount: Micros; key: string | undefined },
): Promise<{ topUp: TopUp; url: string }> {
  const { accountId, currency, amount } = wanted;
  if (provider.name === 'admin') refuseWithoutProvider();
  if (amount % provider.step !== 0n || amount < leastPaid || amount > mostAtOnce) {
    const message = `expected whole hundredths from ${formatAmount(leastPaid)} to ${formatAmount(mostAtOnce)}`;
    throw new Refusal('invalid-request', `amount: ${message}`, { details: [{ path: 'amount', message }] });
  }
  const key = wanted.key ?? randomUUID();
  const { db } = database;
  const row = await db.transaction(async (tx) => {
    await lockAccounts(tx, [accountId]);
    await forgetUnpaid(tx, accountId);
    const row = await addTopUp(tx, {
      provider: provider.name,
      requestedBy: accountId,
      key,
      accountId,
      currency,
      amount,
    });
    await refuseTooMany(tx, accountId);
    return row;
  });
  if (row.status !== 'pending') {
    throw new Refusal('conflict', 'this top-up is over', {
      details: [{ path: 'key', message: `it is ${row.status}` }],
    });
  }
  const { url, reference } = await provider.begin({ topUpId: row.id, currency, amount });
  await db.update(topUps).set({ reference }).where(eq(topUps.id, row.id));
  return { topUp: toTopUp(row), url };
}

async function forgetUnpaid(tx: Queryable, accountId: bigint): Promise<void> {
  const isOld = lt(topUps.createdAt, sql`now() - make_interval(days => ${keptDays})`);
  const isUnpaid = and(inArray(topUps.status, ['pending', 'expired']), isNull(topUps.payment));
  await tx.delete(topUps).where(and(eq(topUps.accountId, accountId), isUnpaid, isOld));
}

async function refuseTooMany(tx: Queryable, accountId: bigint): Promise<void> {
  const isOfToday = gt(topUps.createdAt, sql`now() - interval '1 day'`);
  const [begun] = await tx
    .select({
      count: sql<number>`count(*)::int`,
      waitSeconds: sql<number>`ceil(extract(epoch from ${min(topUps.createdAt)} + interval '1 day' - now()))::int`,
    })
    .from(topUps)
    .where(and(eq(topUps.accountId, accountId), eq(topUps.status, 'pending'), isOfToday));
  if (!begun || begun.count <= mostBegun) return;
  const message = `${mostBegun} top-ups were begun within a day and not paid; pay one of them, or wait`;
  throw new Refusal('rate-limited', message, { retryAfterSeconds: begun.waitSeconds });
}
