import { createRoute } from '@hono/zod-openapi';
import { managersSchema } from '@motience/protocol';
import { type authenticate, errorResponses, type HttpApp, jsonResponse, requireRole } from '@motience/service-kit';
import type { Context } from '../context.ts';

/** `GET /managers`: which shards each stream manager takes care of, to an admin. */
export function addManagerRoute(app: HttpApp, { share }: Context, signedIn: ReturnType<typeof authenticate>): void {
  const route = createRoute({
    tags: ['Stream managers'],
    method: 'get',
    path: '/managers',
    summary: 'Stream managers',
    description: 'The stream managers that are there, the one that answers first, and which shards each takes care of.',
    security: [{ bearer: [] }],
    middleware: [signedIn, requireRole('admin')] as const,
    responses: {
      200: jsonResponse('The stream managers', managersSchema),
      ...errorResponses('unauthenticated', 'forbidden'),
    },
  });
  app.openapi(route, (http) => http.json({ items: share.all() }, 200));
}
