import { subscriptionRequests, users } from '@motience/database';
import type { NamedSubscriptionRequest } from '@motience/protocol';
import { afterCursor, type Page, type PageQuery, pageOf } from '@motience/service-kit';
import { and, asc, eq, gt } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { Context } from '../context.ts';
import { isOpen, toRequest } from './request-row.ts';

interface RequestsQuery extends PageQuery {
  /** Only those that can be decided. */
  onlyOpen: boolean;
}

/** A page of the requests a consumer made, or that a producer got, oldest first. */
export async function listRequests(
  { database }: Pick<Context, 'database'>,
  side: 'consumer' | 'producer',
  accountId: string,
  { limit, cursor, onlyOpen }: RequestsQuery,
): Promise<Page<NamedSubscriptionRequest>> {
  const consumer = alias(users, 'consumer');
  const producer = alias(users, 'producer');
  const owner = side === 'consumer' ? subscriptionRequests.consumerId : subscriptionRequests.producerId;
  const rows = await database.db
    .select({
      id: subscriptionRequests.id,
      request: subscriptionRequests,
      consumerUsername: consumer.username,
      producerUsername: producer.username,
    })
    .from(subscriptionRequests)
    .innerJoin(consumer, eq(consumer.id, subscriptionRequests.consumerId))
    .innerJoin(producer, eq(producer.id, subscriptionRequests.producerId))
    .where(
      and(
        eq(owner, BigInt(accountId)),
        gt(subscriptionRequests.id, afterCursor(cursor)),
        onlyOpen ? isOpen : undefined,
      ),
    )
    .orderBy(asc(subscriptionRequests.id))
    .limit(limit + 1);
  return pageOf(rows, limit, ({ request, consumerUsername, producerUsername }) => ({
    ...toRequest(request),
    consumer_username: consumerUsername,
    producer_username: producerUsername,
  }));
}
