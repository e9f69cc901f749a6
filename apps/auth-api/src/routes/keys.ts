import { createRoute } from '@hono/zod-openapi';
import { apiKeySchema, createdKeySchema, newKeySchema, pageQuerySchema, pageSchema } from '@motience/protocol';
import { errorResponses, type HttpApp, jsonBody, jsonResponse, requireRole } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { createKey, listKeys, revokeKey } from '../services/own-keys.ts';

/** The API keys of the producer or consumer who is signed in. Keys make and end no keys. */
export function addKeyRoutes(app: HttpApp, services: Context, inPerson: SignedIn): void {
  const own = {
    tags: ['API keys'],
    security: [{ bearer: [] }],
    middleware: [inPerson, requireRole('consumer', 'producer')],
  };
  const refusals = ['invalid-request', 'unauthenticated', 'token-expired', 'forbidden', 'unavailable'] as const;

  const create = createRoute({
    ...own,
    method: 'post',
    path: '/keys',
    summary: 'Make an API key',
    description:
      'It can be used wherever an access token is, for what its scopes say. Its text is told here and never again; what is kept is a hash.',
    request: { body: jsonBody(newKeySchema, { name: 'Dashboard', scopes: ['stream:receive'] }) },
    responses: {
      201: jsonResponse('The key', createdKeySchema),
      ...errorResponses(...refusals, 'conflict', 'rate-limited'),
    },
  });
  app.openapi(create, async (context) =>
    context.json(await createKey(services, context.get('claims'), context.req.valid('json')), 201),
  );

  const list = createRoute({
    ...own,
    method: 'get',
    path: '/keys',
    summary: 'The own API keys, for a day also those that ended',
    request: { query: pageQuerySchema },
    responses: {
      200: jsonResponse('A page of keys, by their id', pageSchema(apiKeySchema)),
      ...errorResponses(...refusals),
    },
  });
  app.openapi(list, async (context) =>
    context.json(await listKeys(services, context.get('claims').sub, context.req.valid('query')), 200),
  );

  const revoke = createRoute({
    ...own,
    method: 'delete',
    path: '/keys/{id}',
    summary: 'Revoke an API key',
    description: 'It stops working, and open sockets that use it are cut within a second.',
    request: { params: z.object({ id: z.uuid({ error: 'expected the id of a key, a UUID' }) }) },
    responses: {
      204: { description: 'The key is revoked' },
      ...errorResponses(...refusals, 'not-found', 'rate-limited'),
    },
  });
  app.openapi(revoke, async (context) => {
    await revokeKey(services, context.get('claims').sub, context.req.valid('param').id);
    return context.body(null, 204);
  });
}
