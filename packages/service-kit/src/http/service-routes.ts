import type { OpenAPIHono } from '@hono/zod-openapi';
import { Refusal } from '@motience/protocol';
import { mayReadMetrics } from '../metrics.ts';
import { readinessProbe } from '../readiness.ts';
import type { HttpAppOptions } from './http-app.ts';
import type { HttpEnv } from './http-env.ts';

/** `/health`, `/ready` and `/metrics`, which are for machines and not part of the described API. */
export function addServiceRoutes(app: OpenAPIHono<HttpEnv>, options: HttpAppOptions): void {
  const { registry, metricsToken } = options;
  const probe = readinessProbe(options.readinessChecks, options.logger);

  app.get('/health', (context) => context.json({ status: 'ok' }));

  app.get('/ready', async (context) => {
    const { status, body } = await probe();
    return context.json(body, status);
  });

  app.get('/metrics', async (context) => {
    const allowed = mayReadMetrics({
      address: context.env?.incoming?.socket.remoteAddress ?? '',
      xForwardedFor: context.req.header('x-forwarded-for') ?? context.req.header('forwarded'),
      authorization: context.req.header('authorization'),
      metricsToken,
    });
    if (!allowed)
      throw new Refusal('forbidden', 'metrics are for this machine, or with METRICS_TOKEN as a bearer token');
    return context.body(await registry.metrics(), 200, { 'content-type': registry.contentType });
  });
}
