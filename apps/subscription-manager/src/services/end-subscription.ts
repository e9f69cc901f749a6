import { subscriptions } from '@motience/database';
import { Refusal, type Subscription } from '@motience/protocol';
import { recordRightChange } from '@motience/rights';
import { sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { activeBetween, toSubscription } from './subscription-row.ts';

/**
 * Ends the active subscription between the two; the row stays, as ended. `not-found` if there is none, `rate-limited` at
 * the limit of changes.
 */
export async function endSubscription(
  { database, changes }: Pick<Context, 'database' | 'changes'>,
  { consumerId, producerId }: { consumerId: string; producerId: string },
): Promise<Subscription> {
  return database.db.transaction(async (tx) => {
    const [ended] = await tx
      .update(subscriptions)
      .set({ status: 'cancelled', endedAt: sql`greatest(clock_timestamp(), ${subscriptions.createdAt})` })
      .where(activeBetween(consumerId, producerId))
      .returning();
    if (!ended) throw new Refusal('not-found', `there is no active subscription to producer ${producerId}`);
    await changes.consume(consumerId);
    await recordRightChange(tx, { kind: 'subscription', accountId: consumerId, item: producerId });
    return toSubscription(ended);
  });
}
