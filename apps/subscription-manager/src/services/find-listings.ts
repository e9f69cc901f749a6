import { listingMeasures, listings, plans, type Queryable } from '@motience/database';
import {
  type Listing,
  type ListingQuery,
  type ListingSummary,
  type Plan,
  Refusal,
  type Sample,
} from '@motience/protocol';
import type { Page } from '@motience/service-kit';
import { and, asc, desc, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { findCheapest } from './find-cheapest.ts';
import { conditionOf, sortOrderOf } from './listing-conditions.ts';
import { readCursor, writeCursor } from './listing-cursor.ts';
import { type ListingRow, type ListingRows, type MeasuresRow, toListing, toSample, toSummary } from './listing-row.ts';
import { toPlan } from './plan-row.ts';

type Services = Pick<Context, 'database'>;

export interface FoundListing {
  listing: ListingRow;
  measures: MeasuresRow | null;
  /** What it is sorted by. */
  key: number;
}

/**
 * A page of the published listings that a query asks for. The next one begins after the last of this one by what it was
 * sorted by, so what is published or withdrawn meanwhile neither repeats nor hides another. `invalid-request` if the
 * cursor is of another query, `unavailable` if too many are asked at once, or it takes too long.
 */
export function findListings(
  { searches, catalogue }: Pick<Context, 'searches' | 'catalogue'>,
  query: ListingQuery,
): Promise<Page<ListingSummary>> {
  return searches.run(() => findPage(catalogue.db, query));
}

async function findPage(tx: Queryable, query: ListingQuery): Promise<Page<ListingSummary>> {
  const found = await findSorted(tx, query);
  const shown = found.slice(0, query.limit);
  const offered = await readPlansOf(
    tx,
    shown.map(({ listing }) => listing.producerId),
  );
  const last = shown.at(-1);
  return {
    items: shown.map((row) => toSummary({ ...row, plans: offered.get(row.listing.producerId) ?? [] })),
    next_cursor:
      last && found.length > query.limit
        ? writeCursor(query, { key: last.key, producerId: String(last.listing.producerId) })
        : null,
  };
}

/** One more than a page, if there is one. */
async function findSorted(tx: Queryable, query: ListingQuery): Promise<FoundListing[]> {
  const most = query.limit + 1;
  const { sort, price_per: unit, currency } = query;
  if (sort === 'price' && unit !== undefined && currency !== undefined) {
    const after = readCursor(query, (key) => !Number.isNaN(key));
    return findCheapest(tx, { query, unit, currency }, after, most);
  }
  const { by, order, key, producerId, isKey, at } = sortOrderOf(query);
  const after = readCursor(query, isKey);
  const isAfter = after && sql`(${by}, ${producerId}) < (${at(after.key)}, ${after.producerId}::bigint)`;
  return (
    tx
      .select({ listing: listings, measures: listingMeasures, key })
      .from(listings)
      // Whoever writes a listing has it measured in the same transaction.
      .innerJoin(listingMeasures, eq(listingMeasures.producerId, listings.producerId))
      .where(and(conditionOf(query), isAfter))
      .orderBy(desc(order), desc(producerId))
      .limit(most)
  );
}

/** `not-found` if the producer's listing is not published, as in what follows. */
export async function readListing({ database }: Services, producerId: string): Promise<Listing> {
  return toListing(await readPublished(database.db, producerId));
}

/** `not-found` also if there is no sample. */
export async function readSample({ database }: Services, producerId: string): Promise<Sample> {
  const { listing } = await readPublished(database.db, producerId);
  const sample = toSample(listing);
  if (sample) return sample;
  throw new Refusal('not-found', `the listing of producer ${producerId} has no sample`);
}

async function readPublished(queryable: Queryable, producerId: string): Promise<ListingRows> {
  const [row] = await queryable
    .select({ listing: listings, measures: listingMeasures })
    .from(listings)
    .leftJoin(listingMeasures, eq(listingMeasures.producerId, listings.producerId))
    .where(and(eq(listings.producerId, BigInt(producerId)), eq(listings.status, 'published')));
  if (!row) throw new Refusal('not-found', `producer ${producerId} has no published listing`);
  const offered = await readPlansOf(queryable, [row.listing.producerId]);
  return { ...row, plans: offered.get(row.listing.producerId) ?? [] };
}

/** The plans that producers offer, oldest first. */
async function readPlansOf(queryable: Queryable, producerIds: readonly bigint[]): Promise<Map<bigint, Plan[]>> {
  if (producerIds.length === 0) return new Map();
  const rows = await queryable
    .select()
    .from(plans)
    .where(and(inArray(plans.producerId, [...producerIds]), isNull(plans.withdrawnAt)))
    .orderBy(asc(plans.id));
  const byProducer = new Map<bigint, Plan[]>();
  for (const row of rows) byProducer.set(row.producerId, [...(byProducer.get(row.producerId) ?? []), toPlan(row)]);
  return byProducer;
}
