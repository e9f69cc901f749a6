import { isSessionLive } from '@motience/rights';
import { authenticate, createHttpApp, type HttpApp, packageVersion } from '@motience/service-kit';
import type { Context } from './context.ts';
import { addAccountRoutes } from './routes/account.ts';
import { addDeviceRoutes } from './routes/devices.ts';
import { addJwksRoute } from './routes/jwks.ts';
import { addListRoutes } from './routes/list-accounts.ts';
import { addRegisterRoute } from './routes/register.ts';
import { addSessionRoutes } from './routes/session.ts';

/** The auth API: accounts, tokens, devices. */
export function createApp(context: Context): HttpApp {
  const { config, database, logger, readinessChecks, registry, verifyToken } = context;
  const app = createHttpApp({
    title: 'Motience Auth API',
    version: packageVersion(new URL('../package.json', import.meta.url)),
    description: 'Accounts, their tokens, and the devices producers own.',
    logger,
    registry,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
    metricsToken: config.metricsToken,
    readinessChecks,
  });
  const signedIn = authenticate({ verifyToken, sessionIsLive: (claims) => isSessionLive(database.db, claims) });
  addRegisterRoute(app, context);
  addSessionRoutes(app, context, signedIn);
  addAccountRoutes(app, context, signedIn);
  addListRoutes(app, context, signedIn);
  addDeviceRoutes(app, context, signedIn);
  addJwksRoute(app, context);
  return app;
}

export type SignedIn = ReturnType<typeof authenticate>;
