import { randomUUID } from 'node:crypto';
import { topUps } from '@motience/database';
import { type Currency, formatAmount, type Micros } from '@motience/ledger/pricing';
import { Refusal, type TopUp } from '@motience/protocol';
import { eq } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { addTopUp } from './add-top-up.ts';
import { toTopUp } from './top-up-row.ts';

/** What a provider takes at once: half a unit, and less than a million. */
const bounds = { least: 500_000n, most: 999_999_990_000n };

/**
 * Begins a payment into the own wallet. Under the same key the same one. Refuses with `forbidden` where no provider is
 * configured, `invalid-request` what it cannot count, `conflict` if the key stands for something else, `unavailable` if
 * the provider does not answer.
 */
export async function beginTopUp(
  { database, provider }: Pick<Context, 'database' | 'provider'>,
  wanted: { accountId: bigint; currency: Currency; amount: Micros; key: string | undefined },
): Promise<{ topUp: TopUp; url: string }> {
  const { accountId, currency, amount } = wanted;
  if (amount % provider.step !== 0n || amount < bounds.least || amount > bounds.most) {
    const message = `expected whole hundredths from ${formatAmount(bounds.least)} to ${formatAmount(bounds.most)}`;
    throw new Refusal('invalid-request', `amount: ${message}`, { details: [{ path: 'amount', message }] });
  }
  const key = wanted.key ?? randomUUID();
  const { db } = database;
  const row = await addTopUp(db, { provider: provider.name, requestedBy: accountId, key, accountId, currency, amount });
  if (row.status !== 'pending') {
    throw new Refusal('conflict', 'this top-up is over', {
      details: [{ path: 'key', message: `it is ${row.status}` }],
    });
  }
  const { url, reference } = await provider.begin({ topUpId: row.id, currency, amount });
  await db.update(topUps).set({ reference }).where(eq(topUps.id, row.id));
  return { topUp: toTopUp(row), url };
}
