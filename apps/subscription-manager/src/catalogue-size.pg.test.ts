import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { currencySchema } from '@motience/ledger/pricing';
import { listingQuerySchema } from '@motience/protocol';
import { FewAtOnce } from '@motience/service-kit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rowsRead } from '../../../tests/support/rows-read.ts';
import { findListings } from './services/find-listings.ts';
import { measureStream } from './services/measure-stream.ts';

const listings = 20_000;
const pageSize = 50;
const querySchema = listingQuerySchema(currencySchema);
const searches = new FewAtOnce({ atOnce: 1, waiting: 1, busy: 'two search already' });

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { maxConnections: 1 });
  const { sql } = database;
  const figures = JSON.stringify(await measureStream(database.db, '1'));
  await sql`
    insert into users (username, password_hash, role) select n, '-', 'producer' from generate_series(1, ${listings}::int) n`;
  await sql`
    insert into listings (producer_id, status, title, description, category, tags, licence, label_words, published_at)
    select n, 'published', 'Stream ' || n, 'Readings.', 'c' || n % 10, '{}', 'CC0', '', to_timestamp(n)
    from generate_series(1, ${listings}::int) n`;
  await sql`
    insert into listing_measures (producer_id, measured_at, figures, rate, uptime)
    select n, now(), ${figures}::text::jsonb, n % 1000, (n % 1000) / 1000.0 from generate_series(1, ${listings}::int) n`;
  // A dear and a cheap one each; every tenth has a free one as well, every second one in another currency.
  await sql`
    insert into plans (producer_id, name, terms)
    select n, 'x', json_build_object('kind', 'per-1000-readings', 'price', (10000 + n % 5000 * m)::text, 'currency', 'EUR')
    from generate_series(1, ${listings}::int) n, generate_series(0, 1) m
    union all
    select n, 'x', '{"kind":"free"}' from generate_series(10, ${listings}::int, 10) n
    union all
    select n, 'x', '{"kind":"per-reading","price":"0.01","currency":"CHF"}' from generate_series(2, ${listings}::int, 2) n`;
  await sql`vacuum analyze`;
}, 120_000);
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const readSoFar = () => rowsRead(database, 'listings', 'listing_measures', 'plans');

const price = 'sort=price&price_per=1000-readings&currency=';

it.each(['', 'sort=rate', 'sort=uptime', `${price}EUR`, `${price}CHF`])(
  'a page of 20,000 listings reads what it shows and not what there is: %s',
  async (text) => {
    const ask = (cursor?: string | null) =>
      findListings(
        { catalogue: database, searches },
        querySchema.parse({
          ...Object.fromEntries(new URLSearchParams(text)),
          limit: String(pageSize),
          ...(cursor ? { cursor } : {}),
        }),
      );
    const before = await readSoFar();
    const first = await ask();
    const second = await ask(first.next_cursor);
    const third = await ask(second.next_cursor);
    expect([first, second, third].map(({ items }) => items.length)).toEqual([pageSize, pageSize, pageSize]);
    expect((await readSoFar()) - before).toBeLessThan(listings / 4);
  },
);

it('goes through all of the listings that have a price, each once, the cheapest first', async () => {
  const prices: number[] = [];
  const seen = new Set<string>();
  let cursor: string | null | undefined;
  do {
    const page = await findListings(
      { catalogue: database, searches },
      querySchema.parse({
        ...{ sort: 'price', price_per: '1000-readings', currency: 'EUR', category: 'c5', limit: '100' },
        ...(cursor ? { cursor } : {}),
      }),
    );
    for (const { producer_id, plans } of page.items) {
      seen.add(producer_id);
      prices.push(
        Math.min(...plans.map(({ terms }) => ('price' in terms && 'currency' in terms ? Number(terms.price) : 0))),
      );
    }
    cursor = page.next_cursor;
  } while (cursor);
  expect(prices).toHaveLength(listings / 10);
  expect(seen.size).toBe(listings / 10);
  expect(prices).toEqual(prices.toSorted((one, other) => one - other));
});
