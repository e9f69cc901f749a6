import { type KeyScope, Refusal, type Role } from '@motience/protocol';
import type { AccessClaims, TokenVerifier } from '@motience/tokens';
import { createMiddleware } from 'hono/factory';
import type { HttpEnv } from './http-env.ts';

export interface AuthenticateOptions {
  verifyToken: TokenVerifier;
  /** Whether the session the token belongs to still lives. */
  sessionIsLive(claims: AccessClaims): Promise<boolean>;
  /** What an API key needs to be used here; without it, API keys are refused. */
  scope?: KeyScope | undefined;
}

/** Lets a request with a good bearer token through, its claims in the context; refuses any other one. */
export function authenticate({ verifyToken, sessionIsLive, scope }: AuthenticateOptions) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    const verification = await verifyToken(bearerToken(context.req.header('authorization')));
    if (!verification.ok) throw verification.refusal;
    if (!(await sessionIsLive(verification.claims))) {
      throw new Refusal('unauthenticated', 'the session of this access token has ended');
    }
    requireScope(verification.claims, scope);
    context.set('claims', verification.claims);
    await next();
  });
}

/** `forbidden` for an API key that was not made for this. An access token is good for everything. */
export function requireScope({ scopes }: AccessClaims, scope: KeyScope | undefined): void {
  if (scopes === undefined || (scope !== undefined && scopes.includes(scope))) return;
  throw new Refusal(
    'forbidden',
    scope === undefined ? 'API keys are not taken here: log in' : `this API key does not have the scope ${scope}`,
  );
}

/** After `authenticate`: lets only accounts of these roles through. */
export function requireRole(...roles: [Role, ...Role[]]) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    if (!roles.includes(context.get('claims').role)) {
      throw new Refusal('forbidden', `only for accounts of role ${roles.join(' or ')}`);
    }
    await next();
  });
}

/** The token of an `Authorization: Bearer …` header; refuses where there is none. */
export function bearerToken(authorization: string | undefined): string {
  const token = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined)
    throw new Refusal('unauthenticated', 'expected a header "Authorization: Bearer <access token>"');
  return token;
}
