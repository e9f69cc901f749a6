import { createRoute } from '@hono/zod-openapi';
import { amountSchema, currencySchema } from '@motience/ledger/pricing';
import { limitsSchema, shownLimitsSchema } from '@motience/protocol';
import { errorResponses, type HttpApp, jsonBody, jsonResponse, requireRole } from '@motience/service-kit';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { readLimits } from '../services/read-limits.ts';
import { setLimits } from '../services/set-limits.ts';
import { refusals } from './refusals.ts';

const wantedLimits = limitsSchema(currencySchema, amountSchema);

/** `GET /limits` and `PUT /limits`: what a consumer wants to spend at most. */
export function addLimitRoutes(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const own = { tags: ['Limits'], security: [{ bearer: [] }], middleware: [signedIn, requireRole('consumer')] };

  const show = createRoute({
    ...own,
    method: 'get',
    path: '/limits',
    summary: 'The own spending limits, and what was spent of each',
    responses: { 200: jsonResponse('The limits', shownLimitsSchema), ...errorResponses(...refusals) },
  });
  app.openapi(show, async (context) =>
    context.json(
      await services.reads.run(context.get('claims'), (database) =>
        readLimits(database, BigInt(context.get('claims').sub)),
      ),
      200,
    ),
  );

  const set = createRoute({
    ...own,
    method: 'put',
    path: '/limits',
    summary: 'Set the own spending limits',
    description:
      'Replaces them all. At a limit delivery stops with the reason `spending-limit`, and goes on with the next day or month (UTC), or when the limit is raised.',
    request: { body: jsonBody(wantedLimits, { limits: [{ currency: 'EUR', period: 'month', amount: '20.00' }] }) },
    responses: { 200: jsonResponse('The limits', shownLimitsSchema), ...errorResponses(...refusals, 'not-found') },
  });
  app.openapi(set, async (context) => {
    const consumerId = BigInt(context.get('claims').sub);
    await setLimits(services, consumerId, context.req.valid('json').limits);
    return context.json(await readLimits(services.database, consumerId), 200);
  });
}
