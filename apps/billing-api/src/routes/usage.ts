import { createRoute } from '@hono/zod-openapi';
import {
  earningsGroupSchema,
  earningsSchema,
  periodQuerySchema,
  Refusal,
  usageGroupSchema,
  usageProducerSchema,
  usageSchema,
} from '@motience/protocol';
import { errorResponses, type HttpApp, jsonResponse, requireRole } from '@motience/service-kit';
import { sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { readDevices } from '../usage/read-devices.ts';
import { readSums } from '../usage/read-sums.ts';
import { refusals } from './refusals.ts';

const usageQuery = periodQuerySchema(usageGroupSchema).safeExtend({ producer_id: usageProducerSchema });
const earningsQuery = periodQuerySchema(earningsGroupSchema);

/** `GET /usage` of a consumer, and `GET /earnings` of a producer: added up over days (UTC). */
export function addUsageRoutes(app: HttpApp, { reads }: Context, signedIn: SignedIn): void {
  const usage = createRoute({
    tags: ['Usage'],
    security: [{ bearer: [] }],
    method: 'get',
    path: '/usage',
    middleware: [signedIn, requireRole('consumer')],
    summary: 'What was delivered and charged, by stream, day or device',
    description:
      'From the day `from` until before the day `to`, in UTC. By device (with `producer_id`), readings are told apart as far as they are still stored (HISTORY_AGE); how many are not is said.',
    request: { query: usageQuery },
    responses: { 200: jsonResponse('The sums', usageSchema), ...errorResponses(...refusals, 'too-large') },
  });
  app.openapi(usage, async (context) => {
    const { producer_id, from, to, group_by, ...page } = context.req.valid('query');
    const consumerId = BigInt(context.get('claims').sub);
    const said = { from, to, group_by };
    if (group_by === 'device') {
      if (producer_id === undefined) throw missingProducer();
      const devices = await reads.run(context.get('claims'), (database) =>
        readDevices(database, { consumerId, producerId: BigInt(producer_id), from, to }),
      );
      return context.json({ ...said, items: [], ...devices, next_cursor: null }, 200);
    }
    const ofProducer = producer_id === undefined ? sql`` : sql`and s.producer_id = ${BigInt(producer_id)}`;
    const own = sql`s.consumer_id = ${consumerId} ${ofProducer}`;
    const { items, next_cursor } = await reads.run(context.get('claims'), ({ db }) =>
      readSums(db, { own, from, to, groupBy: group_by, ...page }),
    );
    const shown = items.map(({ fee: _fee, earned: _earned, ...item }) => item);
    return context.json({ ...said, items: shown, devices: null, not_stored: null, next_cursor }, 200);
  });

  const earnings = createRoute({
    tags: ['Usage'],
    security: [{ bearer: [] }],
    method: 'get',
    path: '/earnings',
    middleware: [signedIn, requireRole('producer')],
    summary: 'What was sold and earned, by consumer, plan or day',
    description:
      'From the day `from` until before the day `to`, in UTC. Without a plan the group is 0. What of it can be paid out is in GET /payouts/available.',
    request: { query: earningsQuery },
    responses: { 200: jsonResponse('The sums', earningsSchema), ...errorResponses(...refusals) },
  });
  app.openapi(earnings, async (context) => {
    const { from, to, group_by, ...page } = context.req.valid('query');
    const own = sql`s.producer_id = ${BigInt(context.get('claims').sub)}`;
    const { items, next_cursor } = await reads.run(context.get('claims'), ({ db }) =>
      readSums(db, { own, from, to, groupBy: group_by, ...page }),
    );
    return context.json({ from, to, group_by, items: [...items], next_cursor }, 200);
  });
}

function missingProducer(): Refusal {
  const message = 'expected the id of a producer, whose devices they are';
  return new Refusal('invalid-request', `producer_id: ${message}`, { details: [{ path: 'producer_id', message }] });
}
