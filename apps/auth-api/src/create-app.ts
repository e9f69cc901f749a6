import type { KeyScope } from '@motience/protocol';
import { isSessionLive } from '@motience/rights';
import { authenticate, createHttpApp, type HttpApp, packageVersion } from '@motience/service-kit';
import type { Context } from './context.ts';
import { addAccountRoutes } from './routes/account.ts';
import { addDeviceRoutes } from './routes/devices.ts';
import { addJwksRoute } from './routes/jwks.ts';
import { addKeyRoutes } from './routes/keys.ts';
import { addListRoutes } from './routes/list-accounts.ts';
import { addRegisterRoute } from './routes/register.ts';
import { addSessionRoutes } from './routes/session.ts';

/** The auth API: accounts, tokens, devices. */
export function createApp(context: Context): HttpApp {
  const { config, database, logger, readinessChecks, registry, verifyToken } = context;
  const app = createHttpApp({
    title: 'Motience Auth API',
    version: packageVersion(new URL('../package.json', import.meta.url)),
    description: 'Accounts, their tokens and API keys, and the devices producers own.',
    logger,
    registry,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
    metricsToken: config.metricsToken,
    readinessChecks,
  });
  const signedIn = (scope?: KeyScope) =>
    authenticate({ verifyToken, sessionIsLive: (claims) => isSessionLive(database.db, claims), scope });
  const inPerson = signedIn();
  const reading = signedIn('account:read');
  addRegisterRoute(app, context);
  addSessionRoutes(app, context, inPerson);
  addAccountRoutes(app, context, { reading, inPerson });
  addListRoutes(app, context, reading);
  addDeviceRoutes(app, context, signedIn('devices'));
  addKeyRoutes(app, context, inPerson);
  addJwksRoute(app, context);
  return app;
}

export type SignedIn = ReturnType<typeof authenticate>;
