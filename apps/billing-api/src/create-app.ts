import { isSessionLive } from '@motience/rights';
import { authenticate, createHttpApp, type HttpApp, packageVersion } from '@motience/service-kit';
import type { AccessClaims } from '@motience/tokens';
import type { Context } from './context.ts';
import { addLimitRoutes } from './routes/limits.ts';
import { addPayoutRoutes } from './routes/payouts.ts';
import { addStatementRoutes } from './routes/statements.ts';
import { addStripeWebhook } from './routes/stripe-webhook.ts';
import { addTopUpRoutes } from './routes/top-ups.ts';
import { addUsageRoutes } from './routes/usage.ts';
import { addWalletRoutes } from './routes/wallets.ts';

/** What Stripe tells of a payment may be long. */
const bodyLimitBytes = 256 * 1024;

/** The billing service's HTTP API. */
export function createApp(context: Context): HttpApp {
  const { config, database, logger, provider, readinessChecks, registry, verifyToken } = context;
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
    bodyLimitBytes,
    readinessChecks,
  });
  const sessionIsLive = (claims: AccessClaims) => isSessionLive(database.db, claims);
  const signedIn = authenticate({ verifyToken, sessionIsLive, scope: 'billing' });
  addWalletRoutes(app, context, signedIn);
  addTopUpRoutes(app, context, signedIn);
  if (provider.name === 'stripe') addStripeWebhook(app, context, provider);
  addLimitRoutes(app, context, signedIn);
  addPayoutRoutes(app, context, signedIn);
  addStatementRoutes(app, context, signedIn);
  addUsageRoutes(app, context, signedIn);
  return app;
}

export type SignedIn = ReturnType<typeof authenticate>;
