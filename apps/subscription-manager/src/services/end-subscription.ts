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
  { consumerId, producerId, by }: { consumerId: string; producerId: string; by: 'consumer' | 'producer' },
): Promise<Subscription> {
  return database.db.transaction(async (tx) => {
    const pair = by === 'consumer' ? `to producer ${producerId}` : `of consumer ${consumerId}`;
    const none = new Refusal('not-found', `there is no active subscription ${pair}`);
    const find = () => tx.select().from(subscriptions).where(activeBetween(consumerId, producerId));
    // Before any lock: a producer can name whomever it likes.
    if (by === 'producer' && (await find()).length === 0) throw none;
    await lockAccount(tx, consumerId);
    const [active] = await find();
    if (!active) throw none;
    await changes.consume(by === 'consumer' ? consumerId : producerId);
    return toSubscription(await finishSubscription(tx, active));
  });
}
