import { listingMeasures, listings, planCurrency, planPrice, plans, planUnit } from '@motience/database';
import type { ListingQuery, PriceUnit } from '@motience/protocol';
import { and, eq, gte, isNull, type SQL, sql } from 'drizzle-orm';

const earthRadiusKm = 6_371.0088;

/** Condition of the listings that a query asks for: published ones. */
export function conditionOf(query: ListingQuery): SQL | undefined {
  return and(
    eq(listings.status, 'published'),
    query.q === undefined ? undefined : sql`${listings.search} @@ ${wordsOf(query.q)}`,
    query.category === undefined ? undefined : eq(listings.category, query.category),
    query.tag === undefined ? undefined : sql`${listings.tags} @> ${sql.param(query.tag)}::text[]`,
    hasField(query),
    query.region === undefined ? undefined : sql`lower(${listings.region}) = lower(${query.region})`,
    query.bbox === undefined ? undefined : isInBox(query.bbox),
    query.near === undefined || query.radius_km === undefined ? undefined : isNear(query.near, query.radius_km),
    query.min_rate === undefined ? undefined : gte(listingMeasures.rate, query.min_rate),
    query.min_uptime === undefined ? undefined : gte(listingMeasures.uptime, query.min_uptime),
    hasPrice(query),
  );
}

/** What listings are sorted by, the largest first. */
export interface SortOrder {
  by: SQL;
  /** The same as a number that is there for each of them, though it may be infinite; selected under this name. */
  key: SQL.Aliased<number>;
  /** What to order by, so that it is computed once. */
  order: SQL;
  /** What to order by among those that are equal. */
  producerId: SQL;
  /** Whether it can be the key of a listing. */
  isKey(key: number): boolean;
  /** What a key stands for. */
  at(key: number): SQL;
}

/** Of queries that do not sort by price (see `find-cheapest.ts`). */
export function sortOrderOf({ sort, q }: ListingQuery): SortOrder {
  switch (sort ?? (q === undefined ? 'newest' : 'relevance')) {
    case 'relevance':
      return byNumber(sql`ts_rank(${listings.search}, ${wordsOf(q ?? '')})::float8`);
    case 'rate':
      return byMeasure(sql`coalesce(${listingMeasures.rate}, -1)`);
    case 'uptime':
      return byMeasure(sql`coalesce(${listingMeasures.uptime}, -1)`);
    // Sorted elsewhere.
    case 'price':
    case 'newest':
      return {
        // As it is indexed.
        by: sql`${listings.publishedAt}`,
        order: sql`${listings.publishedAt}`,
        producerId: sql`${listings.producerId}`,
        key: sql<number>`(extract(epoch from ${listings.publishedAt}) * 1000000)::float8`.as('sort_key'),
        isKey: (key) => Number.isSafeInteger(key) && key >= 0,
        at: (key) => sql`timestamptz 'epoch' + ${String(key)}::float8 * interval '1 microsecond'`,
      };
  }
}

/** As it is indexed with its producer; each listing has measures. */
function byMeasure(number: SQL<number>): SortOrder {
  return { ...byNumber(number), order: number, producerId: sql`${listingMeasures.producerId}` };
}

function byNumber(number: SQL<number>): SortOrder {
  return {
    by: number,
    order: sql`sort_key`,
    producerId: sql`${listings.producerId}`,
    key: number.as('sort_key'),
    isKey: (key) => !Number.isNaN(key),
    at: (key) => sql`${String(key)}::float8`,
  };
}

function wordsOf(q: string): SQL {
  return sql`websearch_to_tsquery('english', ${q})`;
}

/** Field and unit are of the same field, if both are asked for. */
function hasField({ field, unit }: ListingQuery): SQL | undefined {
  if (field === undefined && unit === undefined) return undefined;
  const wanted = {
    ...(field === undefined ? {} : { name: field.toLowerCase() }),
    ...(unit === undefined ? {} : { unit }),
  };
  return sql`${listings.searchableFields} @> ${JSON.stringify([wanted])}::jsonb`;
}

/** West of its east it goes over the antimeridian. */
function isInBox([west = 0, south = 0, east = 0, north = 0]: readonly number[]): SQL | undefined {
  const between =
    west <= east
      ? sql`${listings.longitude} between ${west} and ${east}`
      : sql`(${listings.longitude} >= ${west} or ${listings.longitude} <= ${east})`;
  return and(sql`${listings.latitude} between ${south} and ${north}`, between);
}

/** By haversine; what lies north or south of the circle is left out by the index. */
function isNear([latitude = 0, longitude = 0]: readonly number[], radiusKm: number): SQL | undefined {
  const degrees = (radiusKm / earthRadiusKm) * (180 / Math.PI);
  const halfChord = sql`
    sin(radians(${listings.latitude} - ${latitude}::float8) / 2) ^ 2
    + cos(radians(${latitude}::float8)) * cos(radians(${listings.latitude}))
      * sin(radians(${listings.longitude} - ${longitude}::float8) / 2) ^ 2`;
  return and(
    sql`${listings.latitude} between ${latitude - degrees}::float8 and ${latitude + degrees}::float8`,
    sql`2 * ${earthRadiusKm}::float8 * asin(least(1, sqrt(${halfChord}))) <= ${radiusKm}::float8`,
  );
}

/** One plan that is offered has to have a price in the range. */
function hasPrice({ price_per, price_min, price_max, currency }: ListingQuery): SQL | undefined {
  if (price_per === undefined) return undefined;
  const terms = sql`${plans.terms}`;
  const price = planPrice(terms);
  const inRange = and(
    eq(plans.producerId, listings.producerId),
    isNull(plans.withdrawnAt),
    sql`(${planUnit(terms)} = 'free' or (${isIn(terms, price_per, currency)}))`,
    price_min === undefined ? undefined : sql`${price} >= ${price_min}::numeric`,
    price_max === undefined ? undefined : sql`${price} <= ${price_max}::numeric`,
  );
  return sql`exists (select from ${plans} where ${inRange})`;
}

/** Whether plans with these terms have a price in this unit, and currency if one is named. */
export function isIn(terms: SQL, unit: PriceUnit, currency: string | undefined): SQL | undefined {
  return and(
    sql`${planUnit(terms)} = ${unit}`,
    currency === undefined ? undefined : sql`${planCurrency(terms)} = ${currency}`,
  );
}
