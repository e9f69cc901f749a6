import {
  listingMeasures,
  listings,
  planCheapness,
  planCurrency,
  plans,
  planUnit,
  type Queryable,
} from '@motience/database';
import type { ListingQuery, PriceUnit } from '@motience/protocol';
import { and, desc, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { FoundListing } from './find-listings.ts';
import { conditionOf, isIn } from './listing-conditions.ts';
import type { ListingPlace } from './listing-cursor.ts';

interface PricedQuery {
  readonly query: ListingQuery;
  readonly unit: PriceUnit;
  readonly currency: string;
}

const other = alias(plans, 'other');
const terms = sql`${plans.terms}`;
const otherTerms = sql`${other.terms}`;

/**
 * The listings that a query asks for, the cheapest first, by their cheapest plan in a unit and currency, in which a free one costs
 * 0; from after a place on. Plans are taken in the order of their price from the index, free ones and others apart,
 * so that it costs what is shown and not what there is.
 */
export async function findCheapest(
  queryable: Queryable,
  priced: PricedQuery,
  after: ListingPlace | undefined,
  most: number,
): Promise<FoundListing[]> {
  const { unit, currency } = priced;
  const ofKind = [and(sql`${planUnit(terms)} = 'free'`, sql`${planCurrency(terms)} = ''`), isIn(terms, unit, currency)];
  const found: FoundListing[] = [];
  for (const kind of ofKind) found.push(...(await findOfKind(queryable, priced, kind, after, most)));
  return found
    .toSorted((one, next) => next.key - one.key || Number(next.listing.producerId - one.listing.producerId))
    .slice(0, most);
}

function findOfKind(
  queryable: Queryable,
  { query, unit, currency }: PricedQuery,
  kind: SQL | undefined,
  after: ListingPlace | undefined,
  most: number,
): Promise<FoundListing[]> {
  const cheapness = planCheapness(terms);
  // One listing has several plans, and stands where the cheapest does.
  const isCheapest = sql`not exists (
    select from plans other where ${other.producerId} = ${plans.producerId} and ${other.withdrawnAt} is null
      and (${planUnit(otherTerms)} = 'free' or (${isIn(otherTerms, unit, currency)}))
      and (${planCheapness(otherTerms)}, ${other.id}) > (${cheapness}, ${plans.id}))`;
  const isAfter =
    after && sql`(${cheapness}, ${plans.producerId}) < (${String(after.key)}::float8, ${after.producerId}::bigint)`;
  return queryable
    .select({ listing: listings, measures: listingMeasures, key: cheapness.as('sort_key') })
    .from(plans)
    .innerJoin(listings, eq(listings.producerId, plans.producerId))
    .leftJoin(listingMeasures, eq(listingMeasures.producerId, listings.producerId))
    .where(and(isNull(plans.withdrawnAt), kind, isAfter, conditionOf(query), isCheapest))
    .orderBy(desc(cheapness), desc(plans.producerId))
    .limit(most);
}
