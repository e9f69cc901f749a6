import { isSessionLive } from '@motience/rights';
import { authenticate, createHttpApp, type HttpApp, packageVersion } from '@motience/service-kit';
import type { Context } from './context.ts';
import { addAccessRoutes } from './routes/access.ts';
import { addListRoutes } from './routes/list-subscriptions.ts';
import { addPlanRoutes } from './routes/plans.ts';
import { addRequestRoutes } from './routes/requests.ts';
import { addSubscribeRoute } from './routes/subscribe.ts';
import { addUnsubscribeRoute } from './routes/unsubscribe.ts';

/** The subscription manager's HTTP API. */
export function createApp(context: Context): HttpApp {
  const { config, database, logger, readinessChecks, registry, verifyToken } = context;
  const app = createHttpApp({
    title: 'Motience Subscription Manager',
    version: packageVersion(new URL('../package.json', import.meta.url)),
    description: 'Who may receive which producer, and on which plan. Requests carry an access token of the auth API.',
    logger,
    registry,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
    metricsToken: config.metricsToken,
    readinessChecks,
  });
  const signedIn = authenticate({ verifyToken, sessionIsLive: (claims) => isSessionLive(database.db, claims) });
  addSubscribeRoute(app, context, signedIn);
  addUnsubscribeRoute(app, context, signedIn);
  addListRoutes(app, context, signedIn);
  addPlanRoutes(app, context, signedIn);
  addRequestRoutes(app, context, signedIn);
  addAccessRoutes(app, context, signedIn);
  return app;
}

export type SignedIn = ReturnType<typeof authenticate>;
