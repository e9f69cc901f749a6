import { type Database, subscriptions } from '@motience/database';
import { Refusal, type Subscription } from '@motience/protocol';
import { recordRightChange } from '@motience/rights';
import { sql } from 'drizzle-orm';
import { activeBetween, toSubscription } from './subscription-row.ts';

/** Ends the active subscription between the two; `not-found` if there is none. The row stays, as ended. */
export async function endSubscription(
  database: Database,
  { consumerId, producerId }: { consumerId: string; producerId: string },
): Promise<Subscription> {
  return database.db.transaction(async (tx) => {
    const [ended] = await tx
      .update(subscriptions)
      .set({ status: 'cancelled', endedAt: sql`now()` })
      .where(activeBetween(consumerId, producerId))
      .returning();
    if (!ended) throw new Refusal('not-found', `there is no active subscription to producer ${producerId}`);
    await recordRightChange(tx, { kind: 'subscription', accountId: consumerId, item: producerId });
    return toSubscription(ended);
  });
}
