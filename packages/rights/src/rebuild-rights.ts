import { apiKeys, type Database, devices, type Queryable, sessions, subscriptions, users } from '@motience/database';
import type { Entitlement, ItemKind, RightsStore } from '@motience/stream-log';
import { and, asc, eq, gt, inArray, type SQL, sql } from 'drizzle-orm';
import { lockEveryRight } from './locks.ts';
import {
  keyColumns,
  keyIsLive,
  keyTerms,
  meteredId,
  secondsLeft,
  sessionIsLive,
  subscribedSince,
} from './read-truth.ts';

interface Sources {
  database: Database;
  rights: RightsStore;
  /** Puts a deadline on work on Redis. */
  patiently<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** Sessions, or accounts with all their items, moved under one lock. */
const sessionsPerPage = 500;
const accountsPerPage = 50;

const noSession = '00000000-0000-0000-0000-000000000000';

/**
 * Makes Redis hold exactly what PostgreSQL grants, page by page: each page is read and written while nobody else moves
 * a right, so no newer change is overwritten. Whether anything was different.
 */
export async function rebuildRights(sources: Sources): Promise<boolean> {
  const changed = [
    await putSessions(sources),
    await putKeys(sources),
    await dropUnknownSessions(sources),
    await replaceItems(sources, 'device'),
    await replaceItems(sources, 'subscription'),
    await dropUnknownAccounts(sources, 'device'),
    await dropUnknownAccounts(sources, 'subscription'),
  ];
  return changed.includes(true);
}

async function putSessions({ database, rights, patiently }: Sources): Promise<boolean> {
  let after: string | undefined = noSession;
  let changed = false;
  while (after !== undefined) {
    const from: string = after;
    after = await inPage(database, async (tx) => {
      const page = await tx
        .select({
          sessionId: sessions.id,
          accountId: sql<string>`${sessions.userId}::text`,
          seconds: secondsLeft,
        })
        .from(sessions)
        .where(and(gt(sessions.id, from), sessionIsLive))
        .orderBy(asc(sessions.id))
        .limit(sessionsPerPage);
      if (await patiently(() => rights.putSessions(page))) changed = true;
      return page.length < sessionsPerPage ? undefined : page.at(-1)?.sessionId;
    });
  }
  return changed;
}

/** API keys are sessions too. */
async function putKeys({ database, rights, patiently }: Sources): Promise<boolean> {
  let after: string | undefined = noSession;
  let changed = false;
  while (after !== undefined) {
    const from: string = after;
    after = await inPage(database, async (tx) => {
      const page = await tx
        .select(keyColumns)
        .from(apiKeys)
        .innerJoin(users, eq(users.id, apiKeys.userId))
        .where(and(gt(apiKeys.id, from), keyIsLive))
        .orderBy(asc(apiKeys.id))
        .limit(sessionsPerPage);
      const rows = page.map((key) => ({ sessionId: key.id, accountId: String(key.userId), ...keyTerms(key) }));
      if (await patiently(() => rights.putSessions(rows))) changed = true;
      return page.length < sessionsPerPage ? undefined : page.at(-1)?.id;
    });
  }
  return changed;
}

async function dropUnknownSessions({ database, rights, patiently }: Sources): Promise<boolean> {
  return sweep(rights.sessionIds(), patiently, (page) =>
    inPage(database, async (tx) => {
      const known = await tx
        .select({ id: sessions.id })
        .from(sessions)
        .where(and(sql`${sessions.id}::text = any(${textArray(page)})`, sessionIsLive))
        .unionAll(
          tx
            .select({ id: apiKeys.id })
            .from(apiKeys)
            .where(and(sql`${apiKeys.id}::text = any(${textArray(page)})`, keyIsLive)),
        );
      const unknown = missing(page, new Set(known.map(({ id }) => id)));
      await patiently(() => rights.dropSessions(unknown));
      return unknown.length > 0;
    }),
  );
}

async function replaceItems({ database, rights, patiently }: Sources, kind: ItemKind): Promise<boolean> {
  let after: bigint | undefined = 0n;
  let changed = false;
  while (after !== undefined) {
    const from: bigint = after;
    after = await inPage(database, async (tx) => {
      const page = await readAccounts(tx, kind, from);
      const replaced = await patiently(() =>
        Promise.all(
          page.map(({ accountId, items }) => rights.replaceAll(kind, String(accountId), entitlementsOf(items))),
        ),
      );
      if (replaced.includes(true)) changed = true;
      return page.length < accountsPerPage ? undefined : page.at(-1)?.accountId;
    });
  }
  return changed;
}

async function dropUnknownAccounts({ database, rights, patiently }: Sources, kind: ItemKind): Promise<boolean> {
  return sweep(rights.accountIds(kind), patiently, (page) =>
    inPage(database, async (tx) => {
      const unknown = missing(page, await readKnownAccounts(tx, kind, page));
      await patiently(() => Promise.all(unknown.map((accountId) => rights.replaceAll(kind, accountId, new Map()))));
      return unknown.length > 0;
    }),
  );
}

/** Calls `visit` for each page of names that Redis holds; whether any call answered true. */
async function sweep(
  pages: AsyncGenerator<string[]>,
  patiently: Sources['patiently'],
  visit: (page: string[]) => Promise<boolean>,
): Promise<boolean> {
  let changed = false;
  for (;;) {
    const next = await patiently(() => pages.next());
    if (next.done) return changed;
    if (await visit(next.value)) changed = true;
  }
}

function inPage<Result>(database: Database, work: (tx: Queryable) => Promise<Result>): Promise<Result> {
  return database.db.transaction(async (tx) => {
    await lockEveryRight(tx);
    return work(tx);
  });
}

interface AccountItems {
  accountId: bigint;
  /** Each with since when, and the subscription that it counts for. */
  items: AccountItem[];
}

type AccountItem = [item: string, since: number, subscriptionId: string | null];

function entitlementsOf(items: readonly AccountItem[]): Map<string, Entitlement> {
  return new Map(items.map(([item, since, id]) => [item, { since, subscriptionId: id ?? undefined }]));
}

async function readAccounts(tx: Queryable, kind: ItemKind, after: bigint): Promise<AccountItems[]> {
  if (kind === 'device') {
    return tx
      .select({
        accountId: devices.producerId,
        items: sql<AccountItem[]>`json_agg(json_build_array(${devices.deviceId}, 0, null))`,
      })
      .from(devices)
      .where(gt(devices.producerId, after))
      .groupBy(devices.producerId)
      .orderBy(asc(devices.producerId))
      .limit(accountsPerPage);
  }
  return tx
    .select({
      accountId: subscriptions.consumerId,
      items: sql<
        AccountItem[]
      >`json_agg(json_build_array(subscriptions.producer_id::text, ${subscribedSince}, ${meteredId}))`,
    })
    .from(subscriptions)
    .where(and(gt(subscriptions.consumerId, after), eq(subscriptions.status, 'active')))
    .groupBy(subscriptions.consumerId)
    .orderBy(asc(subscriptions.consumerId))
    .limit(accountsPerPage);
}

async function readKnownAccounts(tx: Queryable, kind: ItemKind, accountIds: string[]): Promise<Set<string>> {
  const ids = accountIds.filter((id) => /^\d{1,18}$/.test(id)).map(BigInt);
  if (ids.length === 0) return new Set();
  const known =
    kind === 'device'
      ? await tx
          .select({ id: devices.producerId })
          .from(devices)
          .where(inArray(devices.producerId, ids))
          .groupBy(devices.producerId)
      : await tx
          .select({ id: subscriptions.consumerId })
          .from(subscriptions)
          .where(and(inArray(subscriptions.consumerId, ids), eq(subscriptions.status, 'active')))
          .groupBy(subscriptions.consumerId);
  return new Set(known.map(({ id }) => String(id)));
}

function missing(names: string[], known: Set<string>): string[] {
  return names.filter((name) => !known.has(name));
}

function textArray(texts: string[]): SQL {
  return sql`array[${sql.join(
    texts.map((text) => sql`${text}`),
    sql`, `,
  )}]::text[]`;
}
