import { createRoute } from '@hono/zod-openapi';
import { errorResponses, type HttpApp, jsonResponse } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { PaymentProvider } from '../payments/payment-provider.ts';
import { takePaymentEvent } from '../services/take-payment-event.ts';

/** `POST /webhooks/stripe`: what Stripe tells of payments. It tells it again until it has an answer. */
export function addStripeWebhook(app: HttpApp, services: Context, provider: PaymentProvider<'stripe'>): void {
  const route = createRoute({
    tags: ['Top-ups'],
    method: 'post',
    path: '/webhooks/stripe',
    summary: 'For Stripe only: what happened to payments',
    description:
      'Signed by Stripe in the header `stripe-signature`. Each event counts once, in whichever order they come.',
    responses: {
      200: jsonResponse('The event was taken', z.object({ received: z.literal(true) })),
      ...errorResponses('invalid-request'),
    },
  });
  app.openapi(route, async (context) => {
    // The signature is of the bytes as they came.
    const body = new Uint8Array(await context.req.arrayBuffer());
    const event = await provider.readEvent(body, context.req.header('stripe-signature') ?? '');
    await takePaymentEvent(services, provider.name, event);
    return context.json({ received: true as const }, 200);
  });
}
