import { createRoute } from '@hono/zod-openapi';
import { subscribeRequestSchema, subscriptionSchema } from '@motience/protocol';
import { errorResponses, type HttpApp, jsonBody, jsonResponse, requireRole } from '@motience/service-kit';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { addSubscription } from '../services/add-subscription.ts';
import { refuseOtherConsumer } from './refuse-other-consumer.ts';

/** `POST /subscribe`: 201 with a new subscription, 200 with the one that is already active. */
export function addSubscribeRoute(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const { config, projector } = services;
  const route = createRoute({
    tags: ['Subscriptions'],
    method: 'post',
    path: '/subscribe',
    summary: 'Subscribe to a producer',
    description: 'Live readings of the producer start on every open socket of the consumer.',
    security: [{ bearer: [] }],
    middleware: [signedIn, requireRole('consumer')] as const,
    request: { body: jsonBody(subscribeRequestSchema, { producer_id: '3' }) },
    responses: {
      200: jsonResponse('The subscription that is already active', subscriptionSchema),
      201: jsonResponse('The new subscription', subscriptionSchema),
      ...errorResponses(
        'invalid-request',
        'unauthenticated',
        'token-expired',
        'forbidden',
        'not-found',
        'conflict',
        'rate-limited',
      ),
    },
  });
  app.openapi(route, async (context) => {
    const { producer_id: producerId, consumer_id } = context.req.valid('json');
    const { sub: consumerId } = context.get('claims');
    refuseOtherConsumer(consumerId, consumer_id);
    const { subscription, isNew } = await addSubscription(services, {
      consumerId,
      producerId,
      limit: config.subscriptionsPerConsumer,
    });
    if (!isNew) return context.json(subscription, 200);
    await projector.project({ kind: 'subscription', accountId: consumerId, item: producerId });
    return context.json(subscription, 201);
  });
}
