/** What is done on the marketplace over HTTP, as anyone would. */
import { randomUUID } from 'node:crypto';
import { type Account, type Reply, request } from '../accounts.ts';
import type { ServicesUnderTest } from '../services-under-test.ts';

/** Where the HTTP services are. */
type Services = Pick<ServicesUnderTest, 'httpUrl'>;

interface Asking {
  as?: { token: string };
  body?: unknown;
}

/** A request to the subscription manager or the billing service that has to succeed. */
export async function ask(
  services: Services,
  service: 'subscription-manager' | 'billing-api',
  call: string,
  { as, body }: Asking = {},
): Promise<Reply['body']> {
  const [method = 'GET', path = ''] = call.split(' ');
  const reply = await request(`${services.httpUrl(service)}${path}`, { method, ...(as && { token: as.token }), body });
  if (reply.status >= 300) throw new Error(`${call}: ${JSON.stringify(reply)}`);
  return reply.body;
}

export const exampleListing = {
  title: 'Pump house 7',
  description: 'Pressure and flow of the third pump.',
  category: 'water',
  licence: 'CC-BY-4.0',
  place: { name: 'Leiden', region: 'NL-ZH', latitude: 52.16, longitude: 4.49 },
};

/** Publishes a producer's stream with plans; returns their ids. */
export async function listStream(
  services: Services,
  producer: Account,
  listing: object,
  plans: readonly { name: string; terms: object }[],
): Promise<string[]> {
  const at = (call: string, body?: unknown) => ask(services, 'subscription-manager', call, { as: producer, body });
  await at('PUT /listing', { ...exampleListing, ...listing });
  const ids: string[] = [];
  for (const plan of plans) ids.push(String((await at('POST /plans', plan)).id));
  await at('POST /listing/publish');
  return ids;
}

/** Credits a consumer's wallet with euros. */
export async function topUp(
  services: Services,
  admin: { token: string },
  consumer: Account,
  amount: string,
): Promise<void> {
  const body = { account_id: consumer.id, currency: 'EUR', amount, key: randomUUID() };
  await ask(services, 'billing-api', 'POST /admin/top-ups', { as: admin, body });
}
