import { lockAccounts, spendingLimits, subscriptions } from '@motience/database';
import type { Currency, Micros } from '@motience/ledger/pricing';
import { Refusal } from '@motience/protocol';
import { and, eq, inArray } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { reopenSubscriptions } from './reopen-subscriptions.ts';

interface WantedLimit {
  readonly currency: Currency;
  readonly subscription_id?: string | undefined;
  readonly period: 'day' | 'month';
  readonly amount: Micros;
}

/**
 * Replaces a consumer's limits, one request after the other; what is received is looked at anew. Refuses with `not-found` a subscription that is not
 * the consumer's, `invalid-request` two limits for the same.
 */
export async function setLimits(
  services: Pick<Context, 'database' | 'usageLog' | 'logger'>,
  consumerId: bigint,
  limits: readonly WantedLimit[],
): Promise<void> {
  refuseRepeats(limits);
  await services.database.db.transaction(async (tx) => {
    await lockAccounts(tx, [consumerId]);
    const named = [...new Set(limits.flatMap((limit) => limit.subscription_id ?? []))];
    const isOwn = and(eq(subscriptions.consumerId, consumerId), inArray(subscriptions.id, named.map(BigInt)));
    const own = named.length === 0 ? [] : await tx.select({ id: subscriptions.id }).from(subscriptions).where(isOwn);
    const missing = named.find((id) => !own.some((row) => String(row.id) === id));
    if (missing !== undefined) throw new Refusal('not-found', `you have no subscription ${missing}`);
    await tx.delete(spendingLimits).where(eq(spendingLimits.consumerId, consumerId));
    if (limits.length === 0) return;
    await tx.insert(spendingLimits).values(
      limits.map(({ currency, subscription_id, period, amount }) => ({
        consumerId,
        currency,
        subscriptionId: subscription_id === undefined ? null : BigInt(subscription_id),
        period,
        amount,
      })),
    );
  });
  await reopenSubscriptions(services, consumerId, 'received');
}

function refuseRepeats(limits: readonly WantedLimit[]): void {
  const seen = new Set<string>();
  limits.forEach(({ currency, subscription_id, period }, index) => {
    const key = `${currency}/${subscription_id ?? ''}/${period}`;
    if (seen.has(key)) {
      const message = 'expected one limit for the same currency, subscription and period';
      throw new Refusal('invalid-request', `limits.${index}: ${message}`, {
        details: [{ path: `limits.${index}`, message }],
      });
    }
    seen.add(key);
  });
}
