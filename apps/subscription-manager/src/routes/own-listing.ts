import { createRoute } from '@hono/zod-openapi';
import {
  newDictionarySchema,
  newListingSchema,
  ownListingSchema,
  sampleRequestSchema,
  sampleSchema,
} from '@motience/protocol';
import { errorResponses, type HttpApp, jsonBody, jsonResponse, requireRole } from '@motience/service-kit';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import {
  changeStatus,
  inferOwnDictionary,
  putDictionary,
  putListing,
  readOwnListing,
  removeSample,
  takeSample,
} from '../services/own-listing.ts';

const exampleListing = {
  title: 'Rooftop weather in Lisbon',
  seller: 'Atlantic Weather',
  description: 'Temperature, humidity and wind, once a second.',
  category: 'weather',
  tags: ['temperature', 'wind'],
  licence: 'CC-BY-4.0',
  place: { name: 'Lisbon', latitude: 38.72, longitude: -9.14 },
} as const;
const exampleDictionary = {
  fields: [{ path: 'temperature', type: 'number', unit: '°C', description: 'Of the air, in the shade' }],
} as const;

/** The listing of the producer who is signed in. */
export function addOwnListingRoutes(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const own = { tags: ['Own listing'], security: [{ bearer: [] }], middleware: [signedIn, requireRole('producer')] };
  const refusals = ['invalid-request', 'unauthenticated', 'token-expired', 'forbidden'] as const;
  const changed = {
    200: jsonResponse('The listing', ownListingSchema),
    ...errorResponses(...refusals, 'not-found', 'conflict', 'rate-limited'),
  };

  const put = createRoute({
    ...own,
    method: 'put',
    path: '/listing',
    summary: 'Say what the own stream is',
    description: 'A new listing is a draft. A retired one begins again as a draft.',
    request: { body: jsonBody(newListingSchema, { ...exampleListing, tags: [...exampleListing.tags] }) },
    responses: { ...changed, 201: jsonResponse('The new listing', ownListingSchema) },
  });
  app.openapi(put, async (context) => {
    const { listing, isNew } = await putListing(services, context.get('claims').sub, context.req.valid('json'));
    return context.json(listing, isNew ? 201 : 200);
  });

  const get = createRoute({
    ...own,
    method: 'get',
    path: '/listing',
    summary: 'The own listing, whatever its status',
    responses: {
      200: jsonResponse('The listing', ownListingSchema),
      204: { description: 'There is none yet' },
      ...errorResponses(...refusals),
    },
  });
  app.openapi(get, async (context) => {
    const listing = await readOwnListing(services, context.get('claims').sub);
    return listing ? context.json(listing, 200) : context.body(null, 204);
  });

  for (const [name, summary] of [
    ['publish', 'Show the own listing to everybody; from draft or paused. What is published already stays as it is'],
    ['pause', 'Take the own listing out of the catalogue for a while; from published'],
    ['retire', 'Take the own listing out of the catalogue for good'],
  ] as const) {
    const route = createRoute({ ...own, method: 'post', path: `/listing/${name}`, summary, responses: changed });
    app.openapi(route, async (context) =>
      context.json(await changeStatus(services, context.get('claims').sub, name), 200),
    );
  }

  const dictionary = createRoute({
    ...own,
    method: 'put',
    path: '/listing/dictionary',
    summary: 'Describe the fields of the own readings',
    request: { body: jsonBody(newDictionarySchema, { fields: [...exampleDictionary.fields] }) },
    responses: changed,
  });
  app.openapi(dictionary, async (context) =>
    context.json(await putDictionary(services, context.get('claims').sub, context.req.valid('json').fields), 200),
  );

  const infer = createRoute({
    ...own,
    method: 'post',
    path: '/listing/dictionary/infer',
    summary: 'Infer the dictionary from the last stored readings',
    description: 'Units and descriptions of fields that are still there stay. Then edit it by PUT.',
    responses: changed,
  });
  app.openapi(infer, async (context) =>
    context.json(await inferOwnDictionary(services, context.get('claims').sub), 200),
  );

  const sample = createRoute({
    ...own,
    method: 'post',
    path: '/listing/sample',
    summary: 'Show the last stored readings to everybody',
    description: 'They stay as they are until another sample is taken. At most 256 KiB.',
    request: { body: { ...jsonBody(sampleRequestSchema, { readings: 10 }), required: false } },
    responses: { ...changed, 200: jsonResponse('The sample', sampleSchema) },
  });
  app.openapi(sample, async (context) => {
    const { readings } = sampleRequestSchema.parse(context.req.valid('json'));
    return context.json(await takeSample(services, context.get('claims').sub, readings), 200);
  });

  const remove = createRoute({
    ...own,
    method: 'delete',
    path: '/listing/sample',
    summary: 'Show no sample any more',
    responses: {
      204: { description: 'There is none any more' },
      ...errorResponses(...refusals, 'not-found', 'rate-limited'),
    },
  });
  app.openapi(remove, async (context) => {
    await removeSample(services, context.get('claims').sub);
    return context.body(null, 204);
  });
}
