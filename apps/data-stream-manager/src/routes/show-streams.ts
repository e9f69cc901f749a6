import { createRoute, z } from '@hono/zod-openapi';
import { idSchema, pageQuerySchema, pageSchema, Refusal, type Stream, streamSchema } from '@motience/protocol';
import {
  afterCursor,
  type authenticate,
  errorResponses,
  type HttpApp,
  jsonResponse,
  settleWithin,
} from '@motience/service-kit';
import type { StreamState } from '@motience/stream-log';
import type { Context } from '../context.ts';
import { countSubscribers, findVisibleProducers } from '../services/find-streams.ts';

/** Commands to a Redis that is away wait for it; a request does not. */
const redisPatienceMs = 2_000;

type SignedIn = ReturnType<typeof authenticate>;

/** `GET /streams` and `GET /streams/{producerId}`: what is streaming, to those who may see it. */
export function addStreamRoutes(app: HttpApp, context: Context, signedIn: SignedIn): void {
  const listStreams = createRoute({
    tags: ['Streams'],
    method: 'get',
    path: '/streams',
    summary: 'Streams',
    description: 'An admin sees all streams, a producer its own, a consumer those it is subscribed to.',
    security: [{ bearer: [] }],
    middleware: [signedIn] as const,
    request: { query: pageQuerySchema },
    responses: {
      200: jsonResponse('A page of streams', pageSchema(streamSchema)),
      ...errorResponses('invalid-request', 'unauthenticated', 'unavailable'),
    },
  });
  app.openapi(listStreams, async (http) => {
    const { limit, cursor } = http.req.valid('query');
    const { sub, role } = http.get('claims');
    const page = { after: afterCursor(cursor), limit: limit + 1 };
    const found = await findVisibleProducers(context.database.db, { accountId: sub, role }, page);
    const shown = found.slice(0, limit);
    const items = await readStreams(context, shown);
    return http.json({ items, next_cursor: found.length > limit ? (shown.at(-1) ?? null) : null }, 200);
  });

  const showStream = createRoute({
    tags: ['Streams'],
    method: 'get',
    path: '/streams/{producerId}',
    summary: 'One stream',
    security: [{ bearer: [] }],
    middleware: [signedIn] as const,
    request: { params: z.object({ producerId: idSchema }) },
    responses: {
      200: jsonResponse('The stream', streamSchema),
      ...errorResponses('invalid-request', 'unauthenticated', 'not-found', 'unavailable'),
    },
  });
  app.openapi(showStream, async (http) => {
    const { producerId } = http.req.valid('param');
    const { sub, role } = http.get('claims');
    const page = { after: BigInt(producerId) - 1n, limit: 1 };
    const [visible] = await findVisibleProducers(context.database.db, { accountId: sub, role }, page);
    const [stream] = visible === producerId ? await readStreams(context, [producerId]) : [];
    if (!stream) throw new Refusal('not-found', 'no such stream, or none that you may see');
    return http.json(stream, 200);
  });
}

/** Streams of these producers. One that nobody sent to or followed yet has no epoch and is left out. */
async function readStreams(context: Context, producerIds: readonly string[]): Promise<Stream[]> {
  const reading = Promise.all([context.streams.read(producerIds), countSubscribers(context.database.db, producerIds)]);
  if (!(await settleWithin(reading, redisPatienceMs))) {
    throw new Refusal('unavailable', 'Redis does not answer, try again', { retryAfterSeconds: 2 });
  }
  const [states, subscribers] = await reading;
  return states.map((state) => describe(state, subscribers.get(state.producerId) ?? 0, context.config.persistReadings));
}

function describe(state: StreamState, subscribers: number, persists: boolean): Stream {
  return {
    producer_id: state.producerId,
    epoch: state.epoch,
    head: state.head,
    rate: Math.round(state.rate * 100) / 100,
    devices_online: state.devicesOnline,
    subscribers,
    retained: state.retained,
    persisted: persists ? state.persisted : null,
  };
}
