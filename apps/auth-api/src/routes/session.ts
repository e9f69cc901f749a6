import { createRoute } from '@hono/zod-openapi';
import { loginRequestSchema, refreshRequestSchema, tokensSchema } from '@motience/protocol';
import { clientOf, errorResponses, type HttpApp, jsonBody, jsonResponse } from '@motience/service-kit';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { endSession } from '../services/end-session.ts';
import { logIn } from '../services/log-in.ts';
import { refreshSession } from '../services/refresh-session.ts';

/** `POST /login`, `POST /refresh` and `POST /logout`. */
export function addSessionRoutes(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const login = createRoute({
    tags: ['Session'],
    method: 'post',
    path: '/login',
    summary: 'Log in',
    request: { body: jsonBody(loginRequestSchema, { username: 'producer1', password: 'pass123' }) },
    responses: {
      200: jsonResponse('Tokens of a new session', tokensSchema),
      ...errorResponses('invalid-request', 'unauthenticated', 'rate-limited', 'unavailable'),
    },
  });
  app.openapi(login, async (context) => {
    const { username, password } = context.req.valid('json');
    return context.json(await logIn(services, { username, password, client: clientOf(context) }), 200);
  });

  const refresh = createRoute({
    tags: ['Session'],
    method: 'post',
    path: '/refresh',
    summary: 'Exchange a refresh token for new tokens',
    description:
      'The refresh token is spent. Presented again within 10 s it gets the same answer; later it ends its session.',
    request: { body: jsonBody(refreshRequestSchema) },
    responses: {
      200: jsonResponse('New tokens of the same session', tokensSchema),
      ...errorResponses('invalid-request', 'unauthenticated', 'rate-limited', 'unavailable'),
    },
  });
  app.openapi(refresh, async (context) => {
    await services.limits.refreshes.consume(context.get('clientAddress'));
    return context.json(await refreshSession(services, context.req.valid('json').refresh_token), 200);
  });

  const logout = createRoute({
    tags: ['Session'],
    method: 'post',
    path: '/logout',
    summary: 'End the session of the access token',
    description: 'Its tokens stop working and its open sockets are cut.',
    security: [{ bearer: [] }],
    middleware: [signedIn],
    responses: {
      204: { description: 'The session has ended' },
      ...errorResponses('unauthenticated', 'token-expired', 'unavailable'),
    },
  });
  app.openapi(logout, async (context) => {
    await endSession(services, context.get('claims'));
    return context.body(null, 204);
  });
}
