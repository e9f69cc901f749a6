import { createRoute } from '@hono/zod-openapi';
import { currencySchema } from '@motience/ledger/pricing';
import { idSchema, pageQuerySchema, walletLinePageSchema, walletListSchema, walletSchema } from '@motience/protocol';
import { errorResponses, type HttpApp, jsonResponse } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { readWalletLines } from '../services/read-wallet-lines.ts';
import { readWallet, readWallets } from '../services/read-wallets.ts';
import { ownerOf } from './owner-of.ts';
import { refusals } from './refusals.ts';

const errors = errorResponses(...refusals, 'not-found');
const ownerQuery = z.object({
  /** Of whom; an account's own if it is left out. */
  account_id: idSchema.optional(),
});
const params = z.object({ currency: currencySchema });

/** `GET /wallets`, `/wallets/:currency` and `/wallets/:currency/lines`: one's own; an admin sees everyone's. */
export function addWalletRoutes(app: HttpApp, { reads, provider }: Context, signedIn: SignedIn): void {
  const listRoute = createRoute({
    tags: ['Wallets'],
    method: 'get',
    security: [{ bearer: [] }],
    middleware: [signedIn] as const,
    path: '/wallets',
    summary: 'Wallets of an account, one per currency it ever had money in',
    request: { query: ownerQuery },
    responses: { 200: jsonResponse('Its wallets', walletListSchema), ...errors },
  });
  app.openapi(listRoute, async (context) => {
    const owner = ownerOf(context.get('claims'), context.req.valid('query').account_id);
    const items = await reads.run(context.get('claims'), (database) => readWallets(database, owner));
    return context.json({ items, payment_provider: provider.name }, 200);
  });

  const showRoute = createRoute({
    tags: ['Wallets'],
    method: 'get',
    security: [{ bearer: [] }],
    middleware: [signedIn] as const,
    path: '/wallets/{currency}',
    summary: 'An account’s wallet in one currency',
    description:
      '`balance` is what can be spent or set aside, `held` what is set aside for open subscriptions and comes back as far as it is not used, `owed` what the next top-up pays first. The balances of statements are the first two together, less the third.',
    request: { params, query: ownerQuery },
    responses: { 200: jsonResponse('The wallet', walletSchema), ...errors },
  });
  app.openapi(showRoute, async (context) => {
    const owner = ownerOf(context.get('claims'), context.req.valid('query').account_id);
    const { currency } = context.req.valid('param');
    const wallet = await reads.run(context.get('claims'), (database) => readWallet(database, owner, currency));
    return context.json(wallet, 200);
  });

  const linesRoute = createRoute({
    tags: ['Wallets'],
    method: 'get',
    security: [{ bearer: [] }],
    middleware: [signedIn] as const,
    path: '/wallets/{currency}/lines',
    summary: 'What changed a wallet, newest first',
    request: { params, query: pageQuerySchema.extend(ownerQuery.shape) },
    responses: { 200: jsonResponse('A page of lines', walletLinePageSchema), ...errors },
  });
  app.openapi(linesRoute, async (context) => {
    const { account_id, ...page } = context.req.valid('query');
    const owner = ownerOf(context.get('claims'), account_id);
    const { currency } = context.req.valid('param');
    const lines = await reads.run(context.get('claims'), (database) =>
      readWalletLines(database, owner, currency, page),
    );
    return context.json(lines, 200);
  });
}
