import { Refusal } from '@motience/protocol';
import type { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { HttpEnv } from './http-env.ts';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Refuses unknown paths, known paths with another method, and bodies that are not JSON, before a handler sees them. */
export function routeGuard(app: Pick<Hono<HttpEnv>, 'router'>) {
  const methodsOf = (path: string) =>
    methods.filter((method) => app.router.match(method, path)[0].some(([[, route]]) => route.method !== 'ALL'));

  return createMiddleware<HttpEnv>(async (context, next) => {
    const { method, path } = context.req;
    const allowed = methodsOf(path).flatMap((known) => (known === 'GET' ? [known, 'HEAD'] : [known]));
    if (allowed.length === 0) throw new Refusal('not-found', 'there is nothing at this path');
    if (!allowed.includes(method)) {
      context.header('allow', allowed.join(', '));
      throw new Refusal('method-not-allowed', `this path takes ${allowed.join(', ')}`);
    }
    if (hasBody(context.req.raw.headers) && !isJson(context.req.header('content-type'))) {
      throw new Refusal('unsupported-media', 'expected a body of content-type application/json');
    }
    await next();
  });
}

/** Whether a request comes with a body. */
export function hasBody(headers: Headers): boolean {
  return headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0;
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(contentType ?? '');
}
