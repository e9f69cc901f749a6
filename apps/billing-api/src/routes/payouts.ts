import { createRoute } from '@hono/zod-openapi';
import { amountSchema, currencySchema, microsPerUnit } from '@motience/ledger/pricing';
import {
  availableEarningsSchema,
  idSchema,
  newPayoutSchema,
  pageQuerySchema,
  payoutFailedSchema,
  payoutPageSchema,
  payoutPaidSchema,
  payoutSchema,
  payoutStatusSchema,
} from '@motience/protocol';
import { errorResponses, type HttpApp, jsonBody, jsonResponse, requireRole } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { listPayouts } from '../payouts/list-payouts.ts';
import { movePayout } from '../payouts/move-payout.ts';
import { readAvailable } from '../payouts/read-available.ts';
import { requestPayout } from '../payouts/request-payout.ts';
import { refusals } from './refusals.ts';

const payoutAmount = amountSchema.refine((amount) => amount >= microsPerUnit, 'expected at least 1.00');
const newPayout = newPayoutSchema(currencySchema, payoutAmount);
const payoutId = z.object({ id: idSchema });
const payoutQuery = pageQuerySchema.extend({
  status: payoutStatusSchema.optional(),
  /** Whose; for an admin. */
  producer_id: idSchema.optional(),
});

/** `POST` and `GET /payouts` of a producer's earnings, `GET /payouts/available`, and an admin's `/admin/payouts/:id/approve|paid|failed`. */
export function addPayoutRoutes(app: HttpApp, { database, reads }: Context, signedIn: SignedIn): void {
  const common = { tags: ['Payouts'], security: [{ bearer: [] }] };

  const request = createRoute({
    ...common,
    method: 'post',
    path: '/payouts',
    middleware: [signedIn, requireRole('producer')],
    summary: 'Ask for earnings to be paid',
    description:
      'The amount, at least 1.00, is set aside until an admin has paid it. Ten that are not over yet can be asked for. What silences may still be credited from is not paid yet: GET /payouts/available says from when. The same key again changes nothing and answers 200 with the payout as it is.',
    request: { body: jsonBody(newPayout, { currency: 'EUR', amount: '25.00', key: 'october' }) },
    responses: {
      200: jsonResponse('The payout that was asked for under this key before', payoutSchema),
      201: jsonResponse('The payout', payoutSchema),
      ...errorResponses(...refusals, 'payment-required', 'conflict'),
    },
  });
  app.openapi(request, async (context) => {
    const producerId = BigInt(context.get('claims').sub);
    const { payout, isNew } = await requestPayout(database, { ...context.req.valid('json'), producerId });
    return isNew ? context.json(payout, 201) : context.json(payout, 200);
  });

  const list = createRoute({
    ...common,
    method: 'get',
    path: '/payouts',
    middleware: [signedIn, requireRole('producer', 'admin')],
    summary: 'Payouts, newest first: a producer’s own, or, for an admin, everyone’s',
    request: { query: payoutQuery },
    responses: { 200: jsonResponse('A page of payouts', payoutPageSchema), ...errorResponses(...refusals) },
  });
  app.openapi(list, async (context) => {
    const { role, sub } = context.get('claims');
    const { producer_id: named, ...query } = context.req.valid('query');
    const whose = role === 'admin' ? named : sub;
    const producerId = whose === undefined ? undefined : BigInt(whose);
    return context.json(
      await reads.run(context.get('claims'), (from) => listPayouts(from, { ...query, producerId })),
      200,
    );
  });

  const available = createRoute({
    ...common,
    method: 'get',
    path: '/payouts/available',
    middleware: [signedIn, requireRole('producer')],
    summary: 'What of the earnings can be paid out now, and from when on the rest can',
    description:
      'Earnings of plans per time or by the month that promise something about silences can be paid out when their month is closed.',
    responses: {
      200: jsonResponse('The earnings, by currency', availableEarningsSchema),
      ...errorResponses('unauthenticated', 'token-expired', 'forbidden', 'rate-limited', 'unavailable'),
    },
  });
  app.openapi(available, async (context) =>
    context.json(
      {
        items: await reads.run(context.get('claims'), (from) => readAvailable(from, BigInt(context.get('claims').sub))),
      },
      200,
    ),
  );

  const step = {
    ...common,
    middleware: [signedIn, requireRole('admin')],
    responses: {
      200: jsonResponse('The payout', payoutSchema),
      ...errorResponses(...refusals, 'not-found', 'conflict'),
    },
  };
  const approve = createRoute({
    ...step,
    method: 'post',
    path: '/admin/payouts/{id}/approve',
    summary: 'Approve a payout that was asked for',
    request: { params: payoutId },
  });
  app.openapi(approve, async (context) => {
    const id = BigInt(context.req.valid('param').id);
    return context.json(await movePayout(database, id, { to: 'approved' }), 200);
  });

  const paid = createRoute({
    ...step,
    method: 'post',
    path: '/admin/payouts/{id}/paid',
    summary: 'Say that an approved payout was paid',
    request: { params: payoutId, body: jsonBody(payoutPaidSchema, { reference: 'SEPA 2026-11-0042' }) },
  });
  app.openapi(paid, async (context) => {
    const id = BigInt(context.req.valid('param').id);
    const note = context.req.valid('json').reference;
    return context.json(await movePayout(database, id, { to: 'paid', note }), 200);
  });

  const failed = createRoute({
    ...step,
    method: 'post',
    path: '/admin/payouts/{id}/failed',
    summary: 'Say that a payout failed: the amount goes back to the earnings',
    request: { params: payoutId, body: jsonBody(payoutFailedSchema, { reason: 'the bank does not know the account' }) },
  });
  app.openapi(failed, async (context) => {
    const id = BigInt(context.req.valid('param').id);
    const note = context.req.valid('json').reason;
    return context.json(await movePayout(database, id, { to: 'failed', note }), 200);
  });
}
