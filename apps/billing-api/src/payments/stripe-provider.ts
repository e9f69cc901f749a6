import { Refusal } from '@motience/protocol';
import { Stripe } from 'stripe';
import { z } from 'zod';
import type { PaymentNews, PaymentProvider } from './payment-provider.ts';

export interface StripeOptions {
  secretKey: string;
  webhookSecret: string;
  /** Where who has paid, or has not, is led back to. */
  returnUrl: string;
  /** Of a server that stands in for Stripe's. */
  apiUrl: string | undefined;
}

/** The currencies we take all have hundredths, in which Stripe counts. */
const microsPerHundredth = 10_000n;
const requestTimeoutMs = 15_000;

/** Payments through Stripe Checkout. */
export function createStripeProvider(options: StripeOptions): PaymentProvider<'stripe'> {
  const { secretKey, webhookSecret, returnUrl } = options;
  const stripe = new Stripe(secretKey, {
    timeout: requestTimeoutMs,
    maxNetworkRetries: 1,
    telemetry: false,
    ...serverOf(options.apiUrl),
  });
  return {
    name: 'stripe',
    step: microsPerHundredth,
    async begin({ topUpId, currency, amount }) {
      const metadata = { top_up_id: String(topUpId) };
      const price = {
        currency: currency.toLowerCase(),
        unit_amount: Number(amount / microsPerHundredth),
        product_data: { name: 'Motience wallet' },
      };
      const session = await ask(() =>
        stripe.checkout.sessions.create(
          {
            mode: 'payment',
            line_items: [{ quantity: 1, price_data: price }],
            client_reference_id: String(topUpId),
            metadata,
            payment_intent_data: { metadata },
            success_url: returnUrl,
            cancel_url: returnUrl,
          },
          { idempotencyKey: `motience-top-up-${topUpId}` },
        ),
      );
      if (!session.url) throw new Error('Stripe made a checkout session without an address');
      return { url: session.url, reference: session.id };
    },
    async readEvent(body, signature) {
      const event = await stripe.webhooks
        .constructEventAsync(body, signature, webhookSecret)
        .catch((cause: unknown) => {
          throw new Refusal('invalid-request', 'expected an event that Stripe has signed', { cause });
        });
      const { data: known } = eventSchema.safeParse(event);
      if (!known) throw new Refusal('invalid-request', 'expected an event with id, type and data.object');
      return { id: known.id, type: known.type, news: newsOf(known.type, known.data.object) };
    },
  };
}

function serverOf(apiUrl: string | undefined) {
  if (apiUrl === undefined) return {};
  const { hostname, port, protocol } = new URL(apiUrl);
  return { host: hostname, port, protocol: protocol === 'http:' ? ('http' as const) : ('https' as const) };
}

/** Stripe's refusals say nothing that concerns the one who asked us. */
async function ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (cause) {
    throw new Refusal('unavailable', 'the payment provider does not answer as expected; try again', {
      retryAfterSeconds: 5,
      cause,
    });
  }
}

/** PostgreSQL takes no text with NUL. */
const text = z.string().refine((value) => !value.includes('\0'));
const eventSchema = z.object({ id: text, type: text, data: z.object({ object: z.unknown() }) });
const idOf = z.union([text, z.object({ id: text }).transform(({ id }) => id)]);
const hundredths = z
  .int()
  .min(0)
  .transform((amount) => BigInt(amount) * microsPerHundredth);

const sessionSchema = z.object({
  metadata: z.object({ top_up_id: text }),
  payment_status: z.string(),
  payment_intent: idOf.nullable(),
  currency: z.string().nullable(),
  amount_total: hundredths.nullable(),
});
const chargeSchema = z.object({ payment_intent: idOf, amount_refunded: hundredths });
const disputeSchema = z.object({ id: text, payment_intent: idOf, amount: hundredths });

/** What an event means for us. What another program does over the same Stripe account means nothing. */
function newsOf(type: string, object: unknown): PaymentNews | undefined {
  switch (type) {
    case 'checkout.session.completed':
    case 'checkout.session.async_payment_succeeded': {
      const { data } = sessionSchema.safeParse(object);
      if (data?.payment_status !== 'paid') return undefined;
      const { metadata, payment_intent: payment, currency, amount_total: amount } = data;
      if (payment === null || currency === null || amount === null) return undefined;
      return { kind: 'paid', topUpId: metadata.top_up_id, payment, currency: currency.toUpperCase(), amount };
    }
    case 'checkout.session.expired':
    case 'checkout.session.async_payment_failed': {
      const { data } = sessionSchema.safeParse(object);
      return data && { kind: 'expired', topUpId: data.metadata.top_up_id };
    }
    case 'charge.refunded': {
      const { data } = chargeSchema.safeParse(object);
      return data && { kind: 'refunded', payment: data.payment_intent, total: data.amount_refunded };
    }
    case 'charge.dispute.funds_withdrawn':
    case 'charge.dispute.funds_reinstated': {
      const { data } = disputeSchema.safeParse(object);
      const kind = type.endsWith('withdrawn') ? 'dispute-withdrawn' : 'dispute-reinstated';
      return data && { kind, payment: data.payment_intent, dispute: data.id, amount: data.amount };
    }
    default:
      return undefined;
  }
}
