import { type Queryable, topUps } from '@motience/database';
import type { Currency, Micros } from '@motience/ledger/pricing';
import { Refusal } from '@motience/protocol';
import { and, eq } from 'drizzle-orm';
import type { TopUpRow } from './top-up-row.ts';

export interface NewTopUp {
  readonly provider: 'admin' | 'stripe';
  readonly requestedBy: bigint;
  readonly key: string;
  readonly accountId: bigint;
  readonly currency: Currency;
  readonly amount: Micros;
}

/**
 * Notes that somebody wants to put money into a wallet, once per who asks and key: asked for again it is the same.
 * Refuses with `conflict` if something else was asked for under the key.
 */
export async function addTopUp(tx: Queryable, wanted: NewTopUp): Promise<TopUpRow> {
  const { provider, requestedBy, key, accountId, currency, amount } = wanted;
  const [added] = await tx
    .insert(topUps)
    .values({ ...wanted, status: 'pending' })
    .onConflictDoNothing({ target: [topUps.requestedBy, topUps.provider, topUps.key] })
    .returning();
  if (added) return added;
  const [known] = await tx
    .select()
    .from(topUps)
    .where(and(eq(topUps.requestedBy, requestedBy), eq(topUps.provider, provider), eq(topUps.key, key)));
  if (known?.accountId === accountId && known.currency === currency && known.amount === amount) return known;
  throw new Refusal('conflict', 'something else was asked for under this key', {
    details: [{ path: 'key', message: `"${key}" stands for another top-up` }],
  });
}
