import { type Queryable, subscriptions } from '@motience/database';
import { Refusal } from '@motience/protocol';
import { and, count, eq } from 'drizzle-orm';

/** `conflict` if the consumer has as many active subscriptions as it may. Whoever calls it has locked the consumer. */
export async function requireRoom(tx: Queryable, consumerId: string, limit: number): Promise<void> {
  const [row] = await tx
    .select({ active: count() })
    .from(subscriptions)
    .where(and(eq(subscriptions.consumerId, BigInt(consumerId)), eq(subscriptions.status, 'active')));
  if ((row?.active ?? 0) < limit) return;
  throw new Refusal('conflict', `a consumer may have at most ${limit} subscriptions; end another one first`);
}
