import { createRoute } from '@hono/zod-openapi';
import {
  accessEntrySchema,
  accessRequestSchema,
  idSchema,
  pageQuerySchema,
  pageSchema,
  subscriptionSchema,
} from '@motience/protocol';
import { errorResponses, type HttpApp, jsonBody, jsonResponse, requireRole } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { endSubscription } from '../services/end-subscription.ts';
import { listAccess, putAccess, removeAccess } from '../services/own-access.ts';

const target = z.object({ consumer_id: idSchema });

/** Whom the signed-in producer allows and denies, and whom it takes its stream from. */
export function addAccessRoutes(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const { projector } = services;
  const own = { tags: ['Approval'], security: [{ bearer: [] }], middleware: [signedIn, requireRole('producer')] };
  const refusals = ['invalid-request', 'unauthenticated', 'token-expired', 'forbidden'] as const;

  const list = createRoute({
    ...own,
    method: 'get',
    path: '/access',
    summary: 'Consumers who are allowed without being asked, or denied',
    request: { query: pageQuerySchema },
    responses: {
      200: jsonResponse('A page of consumers, by their id', pageSchema(accessEntrySchema)),
      ...errorResponses(...refusals),
    },
  });
  app.openapi(list, async (context) =>
    context.json(await listAccess(services, context.get('claims').sub, context.req.valid('query')), 200),
  );

  const put = createRoute({
    ...own,
    method: 'put',
    path: '/access/{consumer_id}',
    summary: 'Allow a consumer without being asked, or deny it',
    description:
      'Denying ends its subscription within a second, open sockets included, and rejects its request; it cannot subscribe any more.',
    request: { params: target, body: jsonBody(accessRequestSchema, { access: 'deny' }) },
    responses: {
      200: jsonResponse('The entry', accessEntrySchema),
      ...errorResponses(...refusals, 'not-found', 'conflict', 'rate-limited'),
    },
  });
  app.openapi(put, async (context) => {
    const { sub: producerId } = context.get('claims');
    const { consumer_id: consumerId } = context.req.valid('param');
    const { access } = context.req.valid('json');
    const { entry, ended } = await putAccess(services, { producerId, consumerId, access });
    if (ended) await projector.project({ kind: 'subscription', accountId: consumerId, item: producerId });
    return context.json(entry, 200);
  });

  const remove = createRoute({
    ...own,
    method: 'delete',
    path: '/access/{consumer_id}',
    summary: 'Neither allow nor deny a consumer any more',
    request: { params: target },
    responses: {
      204: { description: 'The entry is removed' },
      ...errorResponses(...refusals, 'not-found', 'rate-limited'),
    },
  });
  app.openapi(remove, async (context) => {
    await removeAccess(services, context.get('claims').sub, context.req.valid('param').consumer_id);
    return context.body(null, 204);
  });

  const revoke = createRoute({
    ...own,
    method: 'delete',
    path: '/subscribers/{consumer_id}',
    summary: 'End the subscription of a consumer',
    description:
      'Delivery stops within a second, open sockets included. It may subscribe again, or ask to, unless it is denied.',
    request: { params: target },
    responses: {
      200: jsonResponse('The subscription that has ended', subscriptionSchema),
      ...errorResponses(...refusals, 'not-found', 'rate-limited'),
    },
  });
  app.openapi(revoke, async (context) => {
    const { sub: producerId } = context.get('claims');
    const { consumer_id: consumerId } = context.req.valid('param');
    const subscription = await endSubscription(services, { consumerId, producerId, by: 'producer' });
    await projector.project({ kind: 'subscription', accountId: consumerId, item: producerId });
    return context.json(subscription, 200);
  });
}
