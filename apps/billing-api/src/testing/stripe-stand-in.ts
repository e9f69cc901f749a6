import { createServer, type Server } from 'node:http';
import { Stripe } from 'stripe';

const webhookSecret = 'whsec_of_these_tests';
/** Only makes signatures; it talks to nobody. */
const { webhooks } = new Stripe('sk_test_of_these_tests');

/** Takes requests as Stripe's server does, and remembers them. */
export class StripeStandIn {
  readonly requests: { idempotencyKey: string | undefined; body: URLSearchParams }[] = [];
  status = 200;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<StripeStandIn> {
    const server = createServer();
    const standIn = new StripeStandIn(server);
    server.on('request', async (request, response) => {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      const key = request.headers['idempotency-key'];
      standIn.requests.push({ idempotencyKey: String(key), body: new URLSearchParams(text) });
      response.writeHead(standIn.status, { 'content-type': 'application/json' });
      const id = `cs_test_${key}`;
      response.end(
        JSON.stringify(
          standIn.status === 200
            ? { id, object: 'checkout.session', url: `https://checkout.stripe.test/${id}` }
            : { error: { type: 'api_error', message: 'no' } },
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return standIn;
  }

  /** What makes the billing service talk to it. */
  get environment() {
    return {
      STRIPE_SECRET_KEY: 'sk_test_of_these_tests',
      STRIPE_WEBHOOK_SECRET: webhookSecret,
      STRIPE_API_URL: this.url,
    };
  }

  /** An event as Stripe sends it to the webhook, with a signature that is right now. */
  signed({ id, type, object }: { id: string; type: string; object: object }) {
    const body = JSON.stringify({ id, object: 'event', api_version: '2026-01-01', type, data: { object } });
    const headers = { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': this.signatureOf(body) };
    return { body, headers };
  }

  signatureOf(
    payload: string,
    { secret = webhookSecret, ...rest }: { secret?: string; timestamp?: number } = {},
  ): string {
    return webhooks.generateTestHeaderString({ payload, secret, ...rest });
  }

  private get url(): string {
    const address = this.server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
