import { type SQL, sql } from 'drizzle-orm';

/**
 * What a plan's price is compared by, from its terms: `1000-readings`, `megabyte`, `day`, `month`; `free` for a free plan. As it is
 * indexed, so to be used as it is.
 */
export function planUnit(terms: SQL): SQL<string> {
  return sql<string>`(case ${terms}->>'kind' when 'free' then 'free' when 'per-reading' then '1000-readings' when 'per-1000-readings' then '1000-readings' when 'per-megabyte' then 'megabyte' when 'per-time' then 'day' when 'monthly' then 'month' end)`;
}

/** In which currency; empty for a free plan. */
export function planCurrency(terms: SQL): SQL<string> {
  return sql<string>`coalesce(${terms}->>'currency', '')`;
}

/** Its price in that unit; 0 for a free plan. */
export function planPrice(terms: SQL): SQL<string> {
  const price = sql`(${terms}->>'price')::numeric`;
  return sql<string>`coalesce(case ${terms}->>'kind' when 'per-reading' then ${price} * 1000 when 'per-time' then case ${terms}->>'per' when 'hour' then ${price} * 24 when 'month' then ${price} / 30 else ${price} end else ${price} end, 0)`;
}

/** The same as what plans are sorted by: the cheapest has the largest. */
export function planCheapness(terms: SQL): SQL<number> {
  return sql<number>`((-${planPrice(terms)})::float8)`;
}
