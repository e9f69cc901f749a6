import { subscriptions } from '@motience/database';
import { Refusal, type Subscription } from '@motience/protocol';
import type { Context } from '../context.ts';
import { lockAccount } from './lock-account.ts';
import { finishSubscription } from './put-subscription.ts';
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
    await lockAccount(tx, consumerId);
    const [active] = await tx.select().from(subscriptions).where(activeBetween(consumerId, producerId));
    if (!active) throw new Refusal('not-found', `there is no active subscription to producer ${producerId}`);
    await changes.consume(consumerId);
    return toSubscription(await finishSubscription(tx, active));
  });
}
