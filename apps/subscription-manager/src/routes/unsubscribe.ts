import { createRoute } from '@hono/zod-openapi';
import { idSchema, Refusal, subscriptionSchema } from '@motience/protocol';
import { errorResponses, type HttpApp, jsonResponse, requireRole } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { endSubscription } from '../services/end-subscription.ts';
import { refuseOtherConsumer } from './refuse-other-consumer.ts';

const targetSchema = z.strictObject({ producer_id: idSchema.optional(), consumer_id: idSchema.optional() });

/** `DELETE /unsubscribe`: 200 with the ended subscription. Once it has answered, delivery has been told to stop. */
export function addUnsubscribeRoute(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const route = createRoute({
    tags: ['Subscriptions'],
    method: 'delete',
    path: '/unsubscribe',
    summary: 'Unsubscribe from a producer',
    description:
      'Takes producer_id in the body or in the query. Delivery stops within a second, open sockets included.',
    security: [{ bearer: [] }],
    middleware: [signedIn, requireRole('consumer')] as const,
    request: {
      query: targetSchema,
      body: { required: false, content: { 'application/json': { schema: targetSchema } } },
    },
    responses: {
      200: jsonResponse('The subscription that has ended', subscriptionSchema),
      ...errorResponses(
        'invalid-request',
        'unauthenticated',
        'token-expired',
        'forbidden',
        'not-found',
        'rate-limited',
      ),
    },
  });
  app.openapi(route, async (context) => {
    const { sub: consumerId } = context.get('claims');
    const [query, body] = [context.req.valid('query'), context.req.valid('json')];
    for (const { consumer_id } of [query, body]) refuseOtherConsumer(consumerId, consumer_id);
    const producerId = oneProducer(query.producer_id, body.producer_id);
    const subscription = await endSubscription(services, { consumerId, producerId, by: 'consumer' });
    await services.projector.project({ kind: 'subscription', accountId: consumerId, item: producerId });
    return context.json(subscription, 200);
  });
}

function oneProducer(inQuery: string | undefined, inBody: string | undefined): string {
  const producerId = inQuery ?? inBody;
  const message =
    producerId === undefined
      ? 'expected a decimal id, in the body or in the query'
      : 'expected the same id in the body and in the query';
  if (producerId !== undefined && (inBody === undefined || inBody === producerId)) return producerId;
  throw new Refusal('invalid-request', `producer_id: ${message}`, { details: [{ path: 'producer_id', message }] });
}
