import { randomUUID } from 'node:crypto';
import { OpenAPIHono } from '@hono/zod-openapi';
import { defaultLimits, useOwnWords } from '@motience/protocol';
import { cors } from 'hono/cors';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import type { Registry } from 'prom-client';
import type { Logger } from '../logger.ts';
import type { ReadinessCheck } from '../readiness.ts';
import { type AllowedOrigins, isAllowedOrigin } from './allowed-origin.ts';
import { addApiDocs } from './api-docs.ts';
import { deadline } from './deadline.ts';
import { invalidRequest, replyToError } from './error-reply.ts';
import type { HttpEnv } from './http-env.ts';
import { readBody } from './read-body.ts';
import { requestLog } from './request-log.ts';
import { routeGuard } from './route-guard.ts';
import { addServiceRoutes } from './service-routes.ts';

export type HttpApp = OpenAPIHono<HttpEnv>;

export interface HttpAppOptions {
  /** Of the API, as its documentation shows them. */
  title: string;
  version: string;
  description: string;
  logger: Logger;
  registry: Registry;
  corsOrigins: AllowedOrigins;
  trustProxy: number;
  metricsToken: string | undefined;
  readinessChecks: readonly ReadinessCheck[];
  bodyLimitBytes?: number;
  /** How long a body may take to arrive. */
  bodyDeadlineMs?: number;
  /** How long a handler may take before its request is told `unavailable`. */
  deadlineMs?: number;
}

/**
 * An HTTP API with everything the contract says of all of them: errors in one shape, request ids, limits on bodies,
 * CORS, logs, `/health`, `/ready`, `/metrics`, `/openapi.json` and `/api-docs`. Handlers are added with `openapi()` and
 * throw a `Refusal` for whatever they do not do.
 */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const bodyLimitBytes = options.bodyLimitBytes ?? defaultLimits.requestBodyBytes;
  useOwnWords();
  const app = new OpenAPIHono<HttpEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.error);
    },
  });
  app.use(requestId({ limitLength: 64, generator: () => randomUUID() }));
  app.use(requestLog(options.logger, options.registry, options.trustProxy));
  app.use(secureHeaders({ xFrameOptions: 'DENY' }));
  app.use(async (context, next) => {
    await next();
    const { headers } = context.res;
    if (!headers.has('content-security-policy')) {
      headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
    }
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  });
  app.use(
    cors({
      origin: (origin, context) =>
        isAllowedOrigin(origin, context.req.header('host'), options.corsOrigins) ? origin : undefined,
      allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
      allowHeaders: ['authorization', 'content-type', 'x-request-id'],
      exposeHeaders: ['x-request-id', 'retry-after'],
      maxAge: 600,
    }),
  );
  app.use(routeGuard(app));
  app.use(readBody(bodyLimitBytes, options.bodyDeadlineMs ?? 10_000));
  app.use(deadline(options.deadlineMs ?? 20_000));
  app.onError(replyToError);

  addServiceRoutes(app, options);
  addApiDocs(app, options.title);
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  });
  const { title, version, description } = options;
  app.doc31('/openapi.json', { openapi: '3.1.0', info: { title, version, description } });
  return app;
}
