import { randomUUID } from 'node:crypto';
import { type Database, ledgerTransactions, paymentEvents, topUps } from '@motience/database';
import { type LedgerDatabase, post } from '@motience/ledger';
import { currencySchema, micros } from '@motience/ledger/pricing';
import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { PaymentEvent, PaymentNews } from '../payments/payment-provider.ts';
import { addTopUp } from './add-top-up.ts';
import { payTopUp } from './pay-top-up.ts';
import { reopenSubscriptions } from './reopen-subscriptions.ts';
import type { TopUpRow } from './top-up-row.ts';
import { creditEntries, debitEntries } from './wallet-entries.ts';

/**
 * Takes what a payment provider tells of a payment, once per event. What comes before the payment it is about waits for
 * it, so the order does not matter; money that is taken back is taken from the wallet, and what is not there is owed.
 */
export async function takePaymentEvent(
  services: Pick<Context, 'database' | 'usageLog' | 'logger'>,
  provider: 'stripe',
  { id, type, news }: PaymentEvent,
): Promise<void> {
  if (!news) return;
  const { database, logger } = services;
  const payment = 'payment' in news ? news.payment : undefined;
  const content = JSON.stringify(news, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  const credited = await database.db.transaction(async (tx) => {
    await lockPayment(tx, provider, news);
    const event = { provider, eventId: id, kind: type, payment: payment ?? null, content };
    const added = await tx.insert(paymentEvents).values(event).onConflictDoNothing().returning();
    if (added.length === 0) return undefined;
    const topUp = await findTopUp(tx, provider, news);
    const change = topUp && (await carryOut(tx, topUp, news));
    if (change === undefined && !topUp && 'topUpId' in news)
      logger.warn({ event: id, type }, 'a payment of no top-up of ours');
    if (change !== undefined || 'topUpId' in news) await markHandled(tx, provider, id);
    if (change === 'mismatch') logger.error({ event: id, type }, 'a payment differs from what was asked for');
    if (topUp && payment !== undefined) await catchUp(tx, provider, payment);
    return topUp?.accountId;
  });
  if (credited !== undefined) await reopenSubscriptions(services, credited);
}

/** Events of one payment are taken one after the other. */
async function lockPayment(tx: LedgerDatabase, provider: string, news: PaymentNews): Promise<void> {
  const name = 'payment' in news ? news.payment : news.topUpId;
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`${provider}/${name}`}, 0))`);
}

async function findTopUp(tx: LedgerDatabase, provider: 'stripe', news: PaymentNews): Promise<TopUpRow | undefined> {
  if ('topUpId' in news) {
    if (!/^\d{1,18}$/.test(news.topUpId)) return undefined;
    const isIt = and(eq(topUps.id, BigInt(news.topUpId)), eq(topUps.provider, provider));
    return (await tx.select().from(topUps).where(isIt).for('update'))[0];
  }
  const isIt = and(eq(topUps.payment, news.payment), eq(topUps.provider, provider));
  return (await tx.select().from(topUps).where(isIt).for('update'))[0];
}

type Change = 'done' | 'mismatch';

/** Gives undefined for what has to wait for something else. */
async function carryOut(tx: LedgerDatabase, topUp: TopUpRow, news: PaymentNews): Promise<Change | undefined> {
  switch (news.kind) {
    case 'expired':
      if (topUp.status === 'pending') {
        await tx.update(topUps).set({ status: 'expired' }).where(eq(topUps.id, topUp.id));
      }
      return 'done';
    case 'paid':
      if (topUp.payment === news.payment) return 'done';
      if (news.currency !== topUp.currency || news.amount !== topUp.amount) return 'mismatch';
      if (topUp.status !== 'paid') await payTopUp(tx, topUp, news.payment);
      else await payAgain(tx, topUp, news.payment);
      return 'done';
    case 'refunded': {
      const rest = news.total - topUp.refunded;
      if (rest <= 0n) return 'done';
      await takeBack(tx, topUp, `refund:${topUp.id}:${news.total}`, 'refund', rest);
      await tx.update(topUps).set({ refunded: news.total }).where(eq(topUps.id, topUp.id));
      return 'done';
    }
    case 'dispute-withdrawn':
      await takeBack(tx, topUp, `dispute:${topUp.provider}:${news.dispute}`, 'dispute', news.amount);
      return 'done';
    case 'dispute-reinstated':
      return (await giveBack(tx, topUp, news)) ? 'done' : undefined;
  }
}

/** Whoever pays a top-up once more, in another checkout, has made another one: the money is theirs. */
async function payAgain(tx: LedgerDatabase, { accountId, requestedBy, provider, ...paid }: TopUpRow, payment: string) {
  const isKnown = and(eq(topUps.payment, payment), eq(topUps.provider, provider));
  if ((await tx.select({ id: topUps.id }).from(topUps).where(isKnown)).length > 0) return;
  const currency = currencySchema.parse(paid.currency);
  // Nobody can have used it, and the payment is known by then.
  const key = `${paid.key}/${randomUUID()}`;
  await payTopUp(
    tx,
    await addTopUp(tx, { provider, requestedBy, key, accountId, currency, amount: micros(paid.amount) }),
    payment,
  );
}

async function takeBack(
  tx: LedgerDatabase,
  { accountId, provider, currency: text }: TopUpRow,
  key: string,
  kind: 'refund' | 'dispute',
  amount: bigint,
): Promise<void> {
  if (await isPosted(tx, key)) return;
  const currency = currencySchema.parse(text);
  const entries = await debitEntries(tx, accountId, currency, amount);
  await post(tx, {
    key,
    kind,
    entries: [...entries, { account: { kind: 'provider', currency, name: provider }, amount }],
  });
}

/** Only what was taken can be given back: one that comes first waits. */
async function giveBack(
  tx: LedgerDatabase,
  { accountId, provider, currency: text }: TopUpRow,
  { dispute, amount }: { dispute: string; amount: bigint },
): Promise<boolean> {
  const currency = currencySchema.parse(text);
  if (!(await isPosted(tx, `dispute:${provider}:${dispute}`))) return false;
  if (await isPosted(tx, `dispute-won:${provider}:${dispute}`)) return true;
  const entries = await creditEntries(tx, accountId, currency, amount);
  await post(tx, {
    key: `dispute-won:${provider}:${dispute}`,
    kind: 'dispute',
    entries: [...entries, { account: { kind: 'provider', currency, name: provider }, amount: -amount }],
  });
  return true;
}

async function isPosted(tx: LedgerDatabase, key: string): Promise<boolean> {
  const rows = await tx
    .select({ id: ledgerTransactions.id })
    .from(ledgerTransactions)
    .where(eq(ledgerTransactions.key, key));
  return rows.length > 0;
}

const amountText = z.string().transform(BigInt);
const waitingSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('refunded'), payment: z.string(), total: amountText }),
  z.object({
    kind: z.enum(['dispute-withdrawn', 'dispute-reinstated']),
    payment: z.string(),
    dispute: z.string(),
    amount: amountText,
  }),
]);

/** Carries out what waited for the payment; twice, because of it one may wait for another. */
async function catchUp(tx: LedgerDatabase, provider: 'stripe', payment: string): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    const waiting = await tx
      .select()
      .from(paymentEvents)
      .where(
        and(eq(paymentEvents.provider, provider), eq(paymentEvents.payment, payment), isNull(paymentEvents.handledAt)),
      )
      .orderBy(asc(paymentEvents.receivedAt));
    for (const { eventId, content } of waiting) {
      const { data: news } = waitingSchema.safeParse(JSON.parse(content));
      const topUp = news && (await findTopUp(tx, provider, news));
      if (topUp && (await carryOut(tx, topUp, news)) !== undefined) await markHandled(tx, provider, eventId);
    }
  }
}

async function markHandled(tx: Pick<Database['db'], 'update'>, provider: string, eventId: string): Promise<void> {
  await tx
    .update(paymentEvents)
    .set({ handledAt: sql`clock_timestamp()` })
    .where(and(eq(paymentEvents.provider, provider), eq(paymentEvents.eventId, eventId)));
}
