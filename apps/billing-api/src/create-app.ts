import { isSessionLive } from '@motience/rights';
import { authenticate, createHttpApp, type HttpApp, packageVersion } from '@motience/service-kit';
import type { Context } from './context.ts';
import { addWalletRoutes } from './routes/wallets.ts';

/** The billing service's HTTP API. */
export function createApp(context: Context): HttpApp {
  const { config, database, logger, readinessChecks, registry, verifyToken } = context;
  const app = createHttpApp({
    title: 'Motience Billing',
    version: packageVersion(new URL('../package.json', import.meta.url)),
    description:
      'Wallets, top-ups and spending limits. Amounts are decimal texts in units of their currency, exact to six decimals. Requests carry an access token of the auth API.',
    logger,
    registry,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
    metricsToken: config.metricsToken,
    readinessChecks,
  });
  const signedIn = authenticate({ verifyToken, sessionIsLive: (claims) => isSessionLive(database.db, claims) });
  addWalletRoutes(app, context, signedIn);
  return app;
}

export type SignedIn = ReturnType<typeof authenticate>;
