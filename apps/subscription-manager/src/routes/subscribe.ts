import { createRoute } from '@hono/zod-openapi';
import {
  type PaymentRequired,
  type Plan,
  paymentRequiredSchema,
  subscribeRequestSchema,
  subscriptionRequestSchema,
  subscriptionSchema,
} from '@motience/protocol';
import { errorResponses, type HttpApp, jsonBody, jsonResponse, requireRole } from '@motience/service-kit';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { addSubscription } from '../services/add-subscription.ts';
import { refuseOtherConsumer } from './refuse-other-consumer.ts';

/**
 * `POST /subscribe`: 201 with a new subscription, 200 with the one that is already active, 202 with a request where the
 * producer approves each consumer, 402 with the plans to name.
 */
export function addSubscribeRoute(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const { projector } = services;
  const route = createRoute({
    tags: ['Subscriptions'],
    method: 'post',
    path: '/subscribe',
    summary: 'Subscribe to a producer',
    description:
      'Live readings of the producer start on every open socket of the consumer. Without plan_id a free plan is taken, and where there is none the answer is 402 with the plans, one of which has to be named. Naming another plan than that of the active subscription ends it and makes a new one at the same instant.',
    security: [{ bearer: [] }],
    middleware: [signedIn, requireRole('consumer')] as const,
    request: { body: jsonBody(subscribeRequestSchema, { producer_id: '3' }) },
    responses: {
      200: jsonResponse('The subscription that is already active', subscriptionSchema),
      201: jsonResponse('The new subscription', subscriptionSchema),
      202: jsonResponse('The request that the producer has to approve first', subscriptionRequestSchema),
      402: jsonResponse('payment-required', paymentRequiredSchema),
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
    const { producer_id: producerId, plan_id: planId, consumer_id } = context.req.valid('json');
    const { sub: consumerId } = context.get('claims');
    refuseOtherConsumer(consumerId, consumer_id);
    const subscribed = await addSubscription(services, { consumerId, producerId, planId });
    if ('plansToName' in subscribed) {
      return context.json(paymentRequired(producerId, subscribed.plansToName, context.get('requestId')), 402);
    }
    if ('request' in subscribed) return context.json(subscribed.request, 202);
    const { subscription, isNew } = subscribed;
    if (!isNew) return context.json(subscription, 200);
    await projector.project({ kind: 'subscription', accountId: consumerId, item: producerId });
    return context.json(subscription, 201);
  });
}

function paymentRequired(producerId: string, plans: Plan[], requestId: string): PaymentRequired {
  const message =
    plans.length === 0
      ? `producer ${producerId} offers no plan now`
      : `producer ${producerId} offers no free plan: name one of its plans as plan_id`;
  return { error: { kind: 'payment-required', message, plans, request_id: requestId } };
}
