import { createRoute } from '@hono/zod-openapi';
import { currencySchema, positiveAmountSchema } from '@motience/ledger/pricing';
import {
  checkoutSchema,
  idSchema,
  newCreditSchema,
  newTopUpSchema,
  pageQuerySchema,
  topUpPageSchema,
  topUpSchema,
} from '@motience/protocol';
import { errorResponses, type HttpApp, jsonBody, jsonResponse, requireRole } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { beginTopUp } from '../services/begin-top-up.ts';
import { creditWallet } from '../services/credit-wallet.ts';
import { listTopUps } from '../services/list-top-ups.ts';
import { reverseCredit } from '../services/reverse-credit.ts';
import { creditAmountSchema } from '../services/top-up-bounds.ts';
import { refusals } from './refusals.ts';

const newCredit = newCreditSchema(currencySchema, creditAmountSchema);
const newTopUp = newTopUpSchema(currencySchema, positiveAmountSchema);

/** `POST /top-ups`, `GET /top-ups`, `POST /admin/top-ups`, and `POST /admin/top-ups/:id/reverse`. */
export function addTopUpRoutes(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const credit = createRoute({
    tags: ['Top-ups'],
    security: [{ bearer: [] }],
    middleware: [signedIn, requireRole('admin')] as const,
    method: 'post',
    path: '/admin/top-ups',
    summary: 'Credit a consumer’s wallet by hand',
    description:
      'Happens once per key: the same request again has the same answer. Stopped subscriptions go on at once. At most 999,999.99 at once.',
    request: {
      body: jsonBody(newCredit, { account_id: '4', currency: 'EUR', amount: '10.00', key: 'invoice-2026-17' }),
    },
    responses: {
      200: jsonResponse('The top-up, which is paid', topUpSchema),
      ...errorResponses(...refusals, 'not-found', 'conflict'),
    },
  });
  app.openapi(credit, async (context) => {
    const { account_id, ...wanted } = context.req.valid('json');
    const requestedBy = BigInt(context.get('claims').sub);
    return context.json(await creditWallet(services, { ...wanted, requestedBy, accountId: BigInt(account_id) }), 200);
  });

  const reverse = createRoute({
    tags: ['Top-ups'],
    security: [{ bearer: [] }],
    middleware: [signedIn, requireRole('admin')] as const,
    method: 'post',
    path: '/admin/top-ups/{id}/reverse',
    summary: 'Take back a credit that was a mistake',
    description:
      'All of it, once, as long as the wallet has it. What it paid of a debt is owed again. What was paid through Stripe is refunded there.',
    request: { params: z.object({ id: idSchema }) },
    responses: {
      200: jsonResponse('The top-up, which is reversed', topUpSchema),
      ...errorResponses(...refusals, 'payment-required', 'not-found'),
    },
  });
  app.openapi(reverse, async (context) =>
    context.json(await reverseCredit(services.database, BigInt(context.req.valid('param').id)), 200),
  );

  const own = { tags: ['Top-ups'], security: [{ bearer: [] }], middleware: [signedIn, requireRole('consumer')] };
  const begin = createRoute({
    ...own,
    method: 'post',
    path: '/top-ups',
    summary: 'Pay into the own wallet',
    description:
      'Gives the address of a page of the payment provider. The wallet is credited when the provider says that it was paid. Where no provider is configured only an admin can credit wallets, and this is refused. Twenty that are not paid can be begun within a day.',
    request: { body: jsonBody(newTopUp, { currency: 'EUR', amount: '10.00' }) },
    responses: {
      200: jsonResponse('The top-up, and where to pay it', checkoutSchema),
      ...errorResponses(...refusals, 'conflict'),
    },
  });
  app.openapi(begin, async (context) => {
    const { currency, amount, key } = context.req.valid('json');
    const accountId = BigInt(context.get('claims').sub);
    const { topUp, url } = await beginTopUp(services, { accountId, currency, amount, key });
    return context.json({ top_up: topUp, checkout_url: url }, 200);
  });

  const list = createRoute({
    ...own,
    method: 'get',
    path: '/top-ups',
    summary: 'The own top-ups, newest first',
    request: { query: pageQuerySchema },
    responses: { 200: jsonResponse('A page of top-ups', topUpPageSchema), ...errorResponses(...refusals) },
  });
  app.openapi(list, async (context) =>
    context.json(
      await services.reads.run(context.get('claims'), (database) =>
        listTopUps(database, BigInt(context.get('claims').sub), context.req.valid('query')),
      ),
      200,
    ),
  );
}
