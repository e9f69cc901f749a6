import { createRoute } from '@hono/zod-openapi';
import { pageSchema, publicUserSchema, userPageQuerySchema } from '@motience/protocol';
import { errorResponses, type HttpApp, jsonResponse } from '@motience/service-kit';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { listConsumers, listProducers } from '../services/list-accounts.ts';

/** `GET /producers` and `GET /consumers`. */
export function addListRoutes(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const list = {
    security: [{ bearer: [] }],
    middleware: [signedIn],
    request: { query: userPageQuerySchema },
    responses: {
      200: jsonResponse('A page of accounts, oldest first', pageSchema(publicUserSchema)),
      ...errorResponses('invalid-request', 'unauthenticated', 'token-expired', 'rate-limited', 'unavailable'),
    },
  };

  const producers = createRoute({
    tags: ['Producers and consumers'],
    ...list,
    method: 'get',
    path: '/producers',
    summary: 'Producers',
  });
  app.openapi(producers, async (context) =>
    context.json(await listProducers(services, context.get('claims'), context.req.valid('query')), 200),
  );

  const consumers = createRoute({
    tags: ['Producers and consumers'],
    ...list,
    method: 'get',
    path: '/consumers',
    summary: 'Consumers',
    description: 'An admin sees everyone, a producer its subscribers, a consumer itself.',
  });
  app.openapi(consumers, async (context) =>
    context.json(await listConsumers(services, context.get('claims'), context.req.valid('query')), 200),
  );
}
