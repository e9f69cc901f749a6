import type { KeyScope } from '@motience/protocol';
import { isSessionLive } from '@motience/rights';
import { authenticate, createHttpApp, type HttpApp, packageVersion } from '@motience/service-kit';
import type { Context } from './context.ts';
import { addAccessRoutes } from './routes/access.ts';
import { addCatalogueRoutes } from './routes/catalogue.ts';
import { addListRoutes } from './routes/list-subscriptions.ts';
import { addOwnListingRoutes } from './routes/own-listing.ts';
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
    description:
      'What streams there are, who may receive which, and on which plan. Requests carry an access token of the auth API, or an API key; the catalogue is open to everybody.',
    logger,
    registry,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
    metricsToken: config.metricsToken,
    readinessChecks,
  });
  const signedIn = (scope: KeyScope) =>
    authenticate({ verifyToken, sessionIsLive: (claims) => isSessionLive(database.db, claims), scope });
  const subscribing = signedIn('subscriptions');
  const selling = signedIn('listings');
  addSubscribeRoute(app, context, subscribing);
  addUnsubscribeRoute(app, context, subscribing);
  addListRoutes(app, context, subscribing);
  addPlanRoutes(app, context, selling);
  addRequestRoutes(app, context, subscribing);
  addAccessRoutes(app, context, subscribing);
  addOwnListingRoutes(app, context, selling);
  addCatalogueRoutes(app, context);
  return app;
}

export type SignedIn = ReturnType<typeof authenticate>;
