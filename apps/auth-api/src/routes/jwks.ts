import { createRoute } from '@hono/zod-openapi';
import type { HttpApp } from '@motience/service-kit';
import { jsonResponse } from '@motience/service-kit';
import { publicKeys } from '@motience/tokens';
import { z } from 'zod';
import type { Context } from '../context.ts';

const jwksSchema = z.object({
  keys: z.array(
    z.object({
      kty: z.literal('OKP'),
      crv: z.literal('Ed25519'),
      x: z.string(),
      kid: z.string(),
      use: z.literal('sig'),
      alg: z.literal('EdDSA'),
    }),
  ),
});

/** `GET /.well-known/jwks.json`: the keys access tokens are checked with; none when they are signed with a secret. */
export function addJwksRoute(app: HttpApp, { signingKey }: Context): void {
  const route = createRoute({
    tags: ['Session'],
    method: 'get',
    path: '/.well-known/jwks.json',
    summary: 'Public keys of access tokens',
    responses: { 200: jsonResponse('A JSON Web Key Set (RFC 7517)', jwksSchema) },
  });
  app.openapi(route, (context) => {
    context.header('cache-control', 'public, max-age=60');
    return context.json(publicKeys(signingKey), 200);
  });
}
