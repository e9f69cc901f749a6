import { createRoute } from '@hono/zod-openapi';
import { currencySchema } from '@motience/ledger/pricing';
import {
  idSchema,
  listingQuerySchema,
  listingSchema,
  listingSummarySchema,
  pageSchema,
  sampleSchema,
} from '@motience/protocol';
import { errorResponses, type HttpApp, jsonResponse } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { findListings, readListing, readSample } from '../services/find-listings.ts';
import { readingJsonSchema } from '../services/reading-json-schema.ts';
import { limitCatalogue } from './limit-catalogue.ts';

/** What everybody may see of streams, without an account: listings, their samples, their dictionaries. */
export function addCatalogueRoutes(app: HttpApp, services: Context): void {
  const open = { tags: ['Catalogue'], method: 'get' as const, middleware: limitCatalogue(services) };
  const one = { params: z.object({ producer_id: idSchema }) };
  const refusals = errorResponses('invalid-request', 'not-found', 'rate-limited');

  const list = createRoute({
    ...open,
    path: '/listings',
    summary: 'Find streams',
    description: [
      'Published listings. Sorted by relevance where words are searched (q), otherwise the newest first.',
      'A price is compared in one currency and unit (price_per): per 1,000 readings (1000-readings), per megabyte, per day of',
      'time (an hour times 24, a 30th of a month), or the monthly price with a quota (month). One offered plan in the range is',
      'enough; a free plan costs 0 in any. sort=price takes the cheapest of them.',
      'bbox is west,south,east,north; near is latitude,longitude and comes with radius_km. min_uptime is a share from 0 to 1.',
    ].join(' '),
    request: { query: listingQuerySchema(currencySchema) },
    responses: {
      200: jsonResponse('A page of listings', pageSchema(listingSummarySchema)),
      ...refusals,
      ...errorResponses('unavailable'),
    },
  });
  app.openapi(list, async (context) => context.json(await findListings(services, context.req.valid('query')), 200));

  const get = createRoute({
    ...open,
    path: '/listings/{producer_id}',
    summary: 'A published listing, what was measured of its stream, and its plans',
    request: one,
    responses: { 200: jsonResponse('The listing', listingSchema), ...refusals },
  });
  app.openapi(get, async (context) =>
    context.json(await readListing(services, context.req.valid('param').producer_id), 200),
  );

  const preview = createRoute({
    ...open,
    path: '/listings/{producer_id}/preview',
    summary: 'Readings of the past that the producer chose to show',
    request: one,
    responses: { 200: jsonResponse('The sample', sampleSchema), ...refusals },
  });
  app.openapi(preview, async (context) =>
    context.json(await readSample(services, context.req.valid('param').producer_id), 200),
  );

  const schema = createRoute({
    ...open,
    path: '/listings/{producer_id}/dictionary/schema',
    summary: 'The dictionary as a JSON Schema of the readings',
    request: one,
    responses: {
      200: jsonResponse('JSON Schema, draft 2020-12', z.record(z.string(), z.unknown())),
      ...refusals,
    },
  });
  app.openapi(schema, async (context) =>
    context.json(readingJsonSchema(await readListing(services, context.req.valid('param').producer_id)), 200),
  );
}
