import { ledgerAccounts, lockAccounts, type Queryable } from '@motience/database';
import { type LedgerDatabase, type Posted, postAll, type Transaction } from '@motience/ledger';
import { type Currency, currencySchema } from '@motience/ledger/pricing';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { divideCredit, owedBy } from '../services/wallet-entries.ts';
import type { SilentDay } from './silent-days.ts';

/** How many transactions the ledger posts at once. */
const maxAtOnce = 1_000;

interface Parties {
  readonly consumerId: bigint;
  readonly producerId: bigint;
  readonly currency: Currency;
}

/**
 * Notes silent days, and gives consumers what is credited for them, out of the producers' earnings; what these are short of,
 * out of the platform's fees, which the time it was taken for has paid. The same day of a subscription is credited once for ever. Gives the consumers who got something.
 */
export async function creditSilentDays(tx: LedgerDatabase, silent: readonly SilentDay[]): Promise<bigint[]> {
  if (silent.length === 0) return [];
  const parties = await readParties(tx, silent);
  // What they owe is paid back once, also if they top up their wallets right now.
  await lockAccounts(
    tx,
    [...parties.values()].map(({ consumerId }) => consumerId),
  );
  const earnings = await lockEarnings(tx, [...parties.values()]);
  const owed = new Map<string, bigint>();
  const transactions: Transaction[] = [];
  for (const { subscriptionId, day, amount } of silent) {
    const of = parties.get(subscriptionId);
    if (amount === 0n || !of) continue;
    const { consumerId, producerId, currency } = of;
    const wallet = `${consumerId}/${currency}`;
    const owes = owed.get(wallet) ?? (await owedBy(tx, consumerId, currency));
    owed.set(wallet, owes > amount ? owes - amount : 0n);
    const account = `${producerId}/${currency}`;
    const earned = earnings.get(account) ?? 0n;
    const fromEarnings = earned < amount ? earned : amount;
    earnings.set(account, earned - fromEarnings);
    transactions.push({
      key: keyOf(subscriptionId, day),
      kind: 'credit',
      entries: [
        { account: { kind: 'earnings', ownerId: producerId, currency }, amount: -fromEarnings },
        { account: { kind: 'fee', currency }, amount: fromEarnings - amount },
        ...divideCredit(consumerId, currency, amount, owes),
      ],
      subscriptionId,
    });
  }
  const posted: Posted[] = [];
  for (let at = 0; at < transactions.length; at += maxAtOnce) {
    posted.push(...(await postAll(tx, transactions.slice(at, at + maxAtOnce))));
  }
  const ids = new Map(transactions.map(({ key }, at) => [key, posted[at]?.transactionId]));
  const rows = silent.map(({ subscriptionId, day, seconds, amount }) => ({
    s: String(subscriptionId),
    d: day,
    n: String(seconds),
    a: String(amount),
    t: ids.get(keyOf(subscriptionId, day))?.toString() ?? null,
  }));
  await tx.execute(sql`
    insert into silence_credits (subscription_id, day, seconds, amount, transaction_id)
    select * from json_to_recordset(${JSON.stringify(rows)}::json) as r(s bigint, d date, n bigint, a bigint, t bigint)`);
  const credited = silent.filter(({ amount }) => amount > 0n).map(({ subscriptionId }) => parties.get(subscriptionId));
  return [...new Set(credited.flatMap((of) => (of ? [of.consumerId] : [])))];
}

/** What producers have earned; nothing of it is paid out before the transaction ends. */
async function lockEarnings(tx: Queryable, parties: readonly Parties[]): Promise<Map<string, bigint>> {
  const { ownerId, currency, balance, kind, id } = ledgerAccounts;
  const producers = [...new Set(parties.map(({ producerId }) => producerId))];
  const rows = await tx
    .select({ ownerId, currency, balance })
    .from(ledgerAccounts)
    .where(and(inArray(ownerId, producers), eq(kind, 'earnings')))
    .orderBy(id)
    .for('update');
  return new Map(rows.map((row) => [`${row.ownerId}/${row.currency}`, row.balance > 0n ? row.balance : 0n]));
}

function keyOf(subscriptionId: bigint, day: string): string {
  return `silence:${subscriptionId}:${day}`;
}

async function readParties(tx: Queryable, silent: readonly SilentDay[]): Promise<Map<bigint, Parties>> {
  const ids = [...new Set(silent.map(({ subscriptionId }) => subscriptionId))];
  const rows = await tx.execute<Record<'id' | 'consumer_id' | 'producer_id' | 'currency', string>>(sql`
    select s.id::text, s.consumer_id::text, s.producer_id::text, p.terms ->> 'currency' as currency
    from subscriptions s join plans p on p.id = s.plan_id where s.id in ${ids}`);
  return new Map(
    rows.map(({ id, consumer_id, producer_id, currency }) => [
      BigInt(id),
      {
        consumerId: BigInt(consumer_id),
        producerId: BigInt(producer_id),
        currency: currencySchema.parse(currency),
      },
    ]),
  );
}
