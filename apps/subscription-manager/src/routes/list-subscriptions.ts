import { createRoute } from '@hono/zod-openapi';
import { idSchema, namedSubscriptionSchema, pageQuerySchema, pageSchema, Refusal } from '@motience/protocol';
import { errorResponses, type HttpApp, jsonResponse } from '@motience/service-kit';
import type { AccessClaims } from '@motience/tokens';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { readSubscriptions } from '../services/read-subscriptions.ts';

const responses = {
  200: jsonResponse('A page of active subscriptions, oldest first', pageSchema(namedSubscriptionSchema)),
  ...errorResponses('invalid-request', 'unauthenticated', 'token-expired', 'forbidden', 'not-found'),
};

/** `GET /subscriptions/:consumerId` and `GET /subscribers/:producerId`, each for that account or an admin. */
export function addListRoutes(app: HttpApp, { database }: Context, signedIn: SignedIn): void {
  const subscriptionsRoute = createRoute({
    tags: ['Subscriptions'],
    method: 'get',
    path: '/subscriptions/{consumerId}',
    summary: 'Subscriptions of a consumer',
    security: [{ bearer: [] }],
    middleware: [signedIn] as const,
    request: { params: z.object({ consumerId: idSchema }), query: pageQuerySchema },
    responses,
  });
  app.openapi(subscriptionsRoute, async (context) => {
    const { consumerId } = context.req.valid('param');
    refuseOthers(context.get('claims'), consumerId);
    return context.json(await readSubscriptions(database, 'consumer', consumerId, context.req.valid('query')), 200);
  });

  const subscribersRoute = createRoute({
    tags: ['Subscriptions'],
    method: 'get',
    path: '/subscribers/{producerId}',
    summary: 'Subscribers of a producer',
    security: [{ bearer: [] }],
    middleware: [signedIn] as const,
    request: { params: z.object({ producerId: idSchema }), query: pageQuerySchema },
    responses,
  });
  app.openapi(subscribersRoute, async (context) => {
    const { producerId } = context.req.valid('param');
    refuseOthers(context.get('claims'), producerId);
    return context.json(await readSubscriptions(database, 'producer', producerId, context.req.valid('query')), 200);
  });
}

function refuseOthers(claims: AccessClaims, accountId: string): void {
  if (claims.role === 'admin' || claims.sub === accountId) return;
  throw new Refusal('forbidden', 'only for that account and for admins');
}
