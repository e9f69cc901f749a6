import { isSessionLive } from '@motience/rights';
import { authenticate, createHttpApp, type HttpApp, packageVersion } from '@motience/service-kit';
import type { AccessClaims } from '@motience/tokens';
import type { Context } from './context.ts';
import { addManagerRoute } from './routes/show-managers.ts';
import { addStreamRoutes } from './routes/show-streams.ts';

/** The data stream manager's HTTP API. */
export function createApp(context: Context): HttpApp {
  const { config, database, logger, metrics, readinessChecks, verifyToken } = context;
  const app = createHttpApp({
    title: 'Motience Data Stream Manager',
    version: packageVersion(new URL('../package.json', import.meta.url)),
    description: 'What is streaming: head, rate, devices online, subscribers, retained range.',
    logger,
    registry: metrics,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
    metricsToken: config.metricsToken,
    readinessChecks,
  });
  const sessionIsLive = (claims: AccessClaims) => isSessionLive(database.db, claims);
  const signedIn = authenticate({ verifyToken, sessionIsLive, scope: 'account:read' });
  addStreamRoutes(app, context, signedIn);
  addManagerRoute(app, context, signedIn);
  return app;
}
