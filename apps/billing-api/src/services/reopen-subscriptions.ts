import { subscriptionMeters } from '@motience/database';
import { settleWithin } from '@motience/service-kit';
import { and, eq, ne } from 'drizzle-orm';
import type { Context } from '../context.ts';

/** While Redis is away nobody waits for it: whoever settles looks at stopped subscriptions every few seconds anyway. */
const patienceMs = 1_000;

/**
 * Has whoever settles look at a consumer's subscriptions at once: those that are stopped, because there may be money for
 * them now, or all that are received, because what they may cost has changed.
 */
export async function reopenSubscriptions(
  { database, usageLog, logger }: Pick<Context, 'database' | 'usageLog' | 'logger'>,
  consumerId: bigint,
  which: 'stopped' | 'received' = 'stopped',
): Promise<void> {
  const { subscriptionId, state } = subscriptionMeters;
  const rows = await database.db
    .select({ subscriptionId })
    .from(subscriptionMeters)
    .where(
      and(
        eq(subscriptionMeters.consumerId, consumerId),
        which === 'stopped' ? eq(state, 'stopped') : ne(state, 'idle'),
      ),
    );
  const ids = rows.map((row) => String(row.subscriptionId));
  const asked = usageLog.want(ids).catch((error: unknown) => logger.warn({ err: error }, 'Redis'));
  await settleWithin(asked, patienceMs);
}
