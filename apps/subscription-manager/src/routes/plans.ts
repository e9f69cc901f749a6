import { createRoute } from '@hono/zod-openapi';
import { planTermsSchema } from '@motience/ledger/pricing';
import { idSchema, newPlanSchema, pageQuerySchema, pageSchema, planSchema, plansSchema } from '@motience/protocol';
import { errorResponses, type HttpApp, jsonBody, jsonResponse, requireRole } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { addPlan, listOfferedPlans, listPlans } from '../services/own-plans.ts';
import { succeedPlan, withdrawPlan } from '../services/withdraw-plan.ts';
import { limitCatalogue } from './limit-catalogue.ts';

const newPlan = newPlanSchema(planTermsSchema);
const examplePlan = {
  name: 'A thousand at a time',
  terms: {
    kind: 'per-1000-readings',
    price: '0.25',
    currency: 'EUR',
    trial: { readings: 500 },
    minimum_notice_days: 30,
  },
} as const;
const planId = z.object({ id: idSchema });

/** The plans of the producer who is signed in, and, for everybody, those a producer offers. */
export function addPlanRoutes(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const own = { tags: ['Plans'], security: [{ bearer: [] }], middleware: [signedIn, requireRole('producer')] };
  const refusals = ['invalid-request', 'unauthenticated', 'token-expired', 'forbidden'] as const;

  const add = createRoute({
    ...own,
    method: 'post',
    path: '/plans',
    summary: 'Offer a plan',
    description: 'A plan is never edited: withdraw it, or have another one succeed it. Amounts are decimal texts.',
    request: { body: jsonBody(newPlan, examplePlan) },
    responses: {
      201: jsonResponse('The plan', planSchema),
      ...errorResponses(...refusals, 'conflict', 'rate-limited'),
    },
  });
  app.openapi(add, async (context) =>
    context.json(await addPlan(services, context.get('claims').sub, context.req.valid('json')), 201),
  );

  const list = createRoute({
    ...own,
    method: 'get',
    path: '/plans',
    summary: 'The own plans, also those that were withdrawn',
    request: { query: pageQuerySchema },
    responses: {
      200: jsonResponse('A page of plans, oldest first', pageSchema(planSchema)),
      ...errorResponses(...refusals),
    },
  });
  app.openapi(list, async (context) =>
    context.json(await listPlans(services, context.get('claims').sub, context.req.valid('query')), 200),
  );

  const withdraw = createRoute({
    ...own,
    method: 'delete',
    path: '/plans/{id}',
    summary: 'Withdraw a plan',
    description:
      'Nobody can subscribe on it any more. Those who have it keep it until ends_at, when the notice it promises has passed; then their subscription ends.',
    request: { params: planId },
    responses: {
      200: jsonResponse('The plan, withdrawn', planSchema),
      ...errorResponses(...refusals, 'not-found', 'rate-limited'),
    },
  });
  app.openapi(withdraw, async (context) =>
    context.json(await withdrawPlan(services, context.get('claims').sub, context.req.valid('param').id), 200),
  );

  const succeed = createRoute({
    ...own,
    method: 'post',
    path: '/plans/{id}/successor',
    summary: 'Replace a plan by a new one',
    description:
      'The new plan is offered in its place from now on. Those who have the old one keep it until its ends_at, for at least a day unless the new one is free, and then get the new one; but whoever has a free plan is never put on one that is not, and loses the stream instead.',
    request: { params: planId, body: jsonBody(newPlan, examplePlan) },
    responses: {
      201: jsonResponse('Both plans', z.object({ withdrawn: planSchema, successor: planSchema })),
      ...errorResponses(...refusals, 'not-found', 'conflict', 'rate-limited'),
    },
  });
  app.openapi(succeed, async (context) => {
    const [{ sub }, { id }] = [context.get('claims'), context.req.valid('param')];
    return context.json(await succeedPlan(services, sub, id, context.req.valid('json')), 201);
  });

  const offered = createRoute({
    tags: ['Plans'],
    method: 'get',
    path: '/producers/{id}/plans',
    middleware: limitCatalogue(services),
    summary: 'The plans a producer offers; for everybody',
    request: { params: z.object({ id: idSchema }) },
    responses: {
      200: jsonResponse('The plans, oldest first', plansSchema),
      ...errorResponses('invalid-request', 'not-found', 'rate-limited'),
    },
  });
  app.openapi(offered, async (context) =>
    context.json({ items: await listOfferedPlans(services, context.req.valid('param').id) }, 200),
  );
}
