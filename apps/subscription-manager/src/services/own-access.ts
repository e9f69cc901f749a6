import { accessEntries, type Queryable, subscriptions, users } from '@motience/database';
import { type Access, type AccessEntry, Refusal } from '@motience/protocol';
import { afterCursor, type Page, type PageQuery, pageOf } from '@motience/service-kit';
import { and, asc, count, eq, gt, ne, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { accessOf } from './access-row.ts';
import { lockAccount } from './lock-account.ts';
import { finishSubscription } from './put-subscription.ts';
import { decideOpen } from './request-row.ts';
import { activeBetween } from './subscription-row.ts';

type Services = Pick<Context, 'database' | 'changes' | 'config'>;

/**
 * Lets a consumer in without being asked, or not at all, which ends its subscription and rejects its request. `not-found`
 * if there is no such consumer, `conflict` at the limit of entries. Says whether a subscription ended.
 */
export async function putAccess(
  { database, changes, config }: Services,
  { producerId, consumerId, access }: { producerId: string; consumerId: string; access: Access },
): Promise<{ entry: AccessEntry; ended: boolean }> {
  return database.db.transaction(async (tx) => {
    await lockConsumer(tx, consumerId);
    // The bound holds however many consumers are named at once.
    await lockAccount(tx, producerId);
    await requireRoom(tx, producerId, consumerId, config.accessEntriesPerProducer);
    await changes.consume(producerId);
    const pair = { producerId: BigInt(producerId), consumerId: BigInt(consumerId) };
    const [row] = await tx
      .insert(accessEntries)
      .values({ ...pair, access })
      .onConflictDoUpdate({
        target: [accessEntries.producerId, accessEntries.consumerId],
        set: { access, createdAt: sql`now()` },
        setWhere: ne(accessEntries.access, access),
      })
      .returning();
    const [kept] = row ? [row] : await tx.select().from(accessEntries).where(accessOf(producerId, consumerId));
    if (!kept) throw new Error('the entry is gone');
    const [{ username } = { username: null }] = await tx
      .select({ username: knownUsername })
      .from(users)
      .innerJoin(accessEntries, eq(accessEntries.consumerId, users.id))
      .where(accessOf(producerId, consumerId));
    const entry = toEntry({ ...kept, username });
    if (access === 'allow') return { entry, ended: false };
    await decideOpen(tx, pair, 'rejected');
    const [active] = await tx.select().from(subscriptions).where(activeBetween(consumerId, producerId));
    if (active) await finishSubscription(tx, active);
    return { entry, ended: active !== undefined };
  });
}

/** Forgets what was said of a consumer. `not-found` if nothing was. */
export async function removeAccess(
  { database, changes }: Services,
  producerId: string,
  consumerId: string,
): Promise<void> {
  await database.db.transaction(async (tx) => {
    const removed = await tx.delete(accessEntries).where(accessOf(producerId, consumerId)).returning();
    if (removed.length === 0) throw new Refusal('not-found', `consumer ${consumerId} is neither allowed nor denied`);
    await changes.consume(producerId);
  });
}

/** A page of the consumers a producer lets in without being asked or not at all, by their id. */
export async function listAccess(
  { database }: Services,
  producerId: string,
  { limit, cursor }: PageQuery,
): Promise<Page<AccessEntry>> {
  const rows = await database.db
    .select({
      id: accessEntries.consumerId,
      consumerId: accessEntries.consumerId,
      access: accessEntries.access,
      createdAt: accessEntries.createdAt,
      username: knownUsername,
    })
    .from(accessEntries)
    .innerJoin(users, eq(users.id, accessEntries.consumerId))
    .where(and(eq(accessEntries.producerId, BigInt(producerId)), gt(accessEntries.consumerId, afterCursor(cursor))))
    .orderBy(asc(accessEntries.consumerId))
    .limit(limit + 1);
  return pageOf(rows, limit, toEntry);
}

/**
 * A consumer's username, for producers whom it ever subscribed to or asked: whoever only names an id is not told whose it is. Of
 * users joined with access_entries.
 */
const knownUsername = sql<string | null>`
  case when exists (select from subscriptions s where s.consumer_id = users.id and s.producer_id = access_entries.producer_id)
    or exists (select from subscription_requests r where r.consumer_id = users.id and r.producer_id = access_entries.producer_id)
  then users.username end`;

async function lockConsumer(tx: Queryable, consumerId: string): Promise<void> {
  const [found] = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, BigInt(consumerId)), eq(users.role, 'consumer')))
    .for('no key update');
  if (!found) throw new Refusal('not-found', `there is no consumer ${consumerId}`);
}

async function requireRoom(tx: Queryable, producerId: string, consumerId: string, limit: number): Promise<void> {
  const [row] = await tx
    .select({ others: count() })
    .from(accessEntries)
    .where(and(eq(accessEntries.producerId, BigInt(producerId)), ne(accessEntries.consumerId, BigInt(consumerId))));
  if ((row?.others ?? 0) < limit) return;
  throw new Refusal('conflict', `a producer may allow and deny at most ${limit} consumers; remove another one first`);
}

function toEntry(row: { consumerId: bigint; username: string | null; access: Access; createdAt: Date }): AccessEntry {
  return {
    consumer_id: String(row.consumerId),
    consumer_username: row.username,
    access: row.access,
    created_at: row.createdAt.toISOString(),
  };
}
