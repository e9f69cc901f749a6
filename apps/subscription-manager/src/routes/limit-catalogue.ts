import type { HttpEnv } from '@motience/service-kit';
import { createMiddleware } from 'hono/factory';
import type { Context } from '../context.ts';

/** Counts a look into the catalogue; `rate-limited` at the limit of the address it comes from. */
export function limitCatalogue({ catalogueRequests }: Pick<Context, 'catalogueRequests'>) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    await catalogueRequests.consume(context.get('clientAddress'));
    await next();
  });
}
