import { createRoute } from '@hono/zod-openapi';
import {
  idSchema,
  namedSubscriptionRequestSchema,
  pageQuerySchema,
  pageSchema,
  subscriptionRequestSchema,
  subscriptionSchema,
} from '@motience/protocol';
import { errorResponses, type HttpApp, jsonResponse, requireRole } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { approveRequest, cancelRequest, rejectRequest } from '../services/decide-request.ts';
import { listRequests } from '../services/list-requests.ts';

const requestId = z.object({ id: idSchema });
const openExpected = 'expected "open", or nothing';

/** Requests to producers who approve each consumer. */
export function addRequestRoutes(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const { projector } = services;
  const common = { tags: ['Approval'], security: [{ bearer: [] }] };
  const ofProducer = { ...common, middleware: [signedIn, requireRole('producer')], request: { params: requestId } };
  const refusals = ['invalid-request', 'unauthenticated', 'token-expired', 'forbidden'] as const;
  const deciding = [...refusals, 'not-found', 'conflict', 'rate-limited'] as const;

  const list = createRoute({
    ...common,
    middleware: [signedIn, requireRole('consumer', 'producer')],
    method: 'get',
    path: '/requests',
    summary: 'Requests the signed-in consumer made, or the signed-in producer got',
    request: {
      query: pageQuerySchema.extend({ status: z.literal('open', { error: openExpected }).optional() }),
    },
    responses: {
      200: jsonResponse('A page of requests, oldest first', pageSchema(namedSubscriptionRequestSchema)),
      ...errorResponses(...refusals),
    },
  });
  app.openapi(list, async (context) => {
    const { sub, role } = context.get('claims');
    const { status, ...page } = context.req.valid('query');
    const side = role === 'consumer' ? 'consumer' : 'producer';
    return context.json(await listRequests(services, side, sub, { ...page, onlyOpen: status === 'open' }), 200);
  });

  const approve = createRoute({
    ...ofProducer,
    method: 'post',
    path: '/requests/{id}/approve',
    summary: 'Subscribe the consumer who asked, on the plan it asked for',
    responses: {
      200: jsonResponse(
        'The request, approved, and the new subscription',
        z.object({ request: subscriptionRequestSchema, subscription: subscriptionSchema }),
      ),
      ...errorResponses(...deciding),
    },
  });
  app.openapi(approve, async (context) => {
    const approved = await approveRequest(services, context.get('claims').sub, context.req.valid('param').id);
    const { consumer_id: accountId, producer_id: item } = approved.subscription;
    await projector.project({ kind: 'subscription', accountId, item });
    return context.json(approved, 200);
  });

  const reject = createRoute({
    ...ofProducer,
    method: 'post',
    path: '/requests/{id}/reject',
    summary: 'Refuse the consumer who asked; it may ask again',
    responses: {
      200: jsonResponse('The request, rejected', subscriptionRequestSchema),
      ...errorResponses(...deciding),
    },
  });
  app.openapi(reject, async (context) =>
    context.json(await rejectRequest(services, context.get('claims').sub, context.req.valid('param').id), 200),
  );

  const cancel = createRoute({
    ...common,
    middleware: [signedIn, requireRole('consumer')],
    method: 'delete',
    path: '/requests/{id}',
    summary: 'Take the own request back',
    request: { params: requestId },
    responses: {
      200: jsonResponse('The request, cancelled', subscriptionRequestSchema),
      ...errorResponses(...deciding),
    },
  });
  app.openapi(cancel, async (context) =>
    context.json(await cancelRequest(services, context.get('claims').sub, context.req.valid('param').id), 200),
  );
}
