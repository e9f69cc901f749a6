import { createTestRedis } from '@motience/engines/testing';
import type { Role } from '@motience/protocol';
import { createLogger, serveHttp } from '@motience/service-kit';
import { fetchApi, jwtSecret, refusal, signIn } from '../../../../tests/support/api-under-test.ts';
import { readBillingConfig } from '../config.ts';
import { createContext } from '../context.ts';
import { createApp } from '../create-app.ts';

/** The API of billing on a test's database, without the work that nobody asks it for. */
export async function serveBilling(databaseUrl: string) {
  const redis = await createTestRedis();
  const config = readBillingConfig({
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    REDIS_KEY_PREFIX: redis.prefix,
    JWT_SECRET: jwtSecret,
    // Some tests have it wait, on a machine that may be busy.
    BILLING_QUERY_TIMEOUT: '1m',
  });
  const context = await createContext(config, createLogger('test', 'silent'));
  const server = await serveHttp(createApp(context), { host: '127.0.0.1', port: 0, portVariable: 'BILLING_PORT' });
  return {
    /** An access token of an account. */
    signIn: async (id: bigint, role: Role) => (await signIn(context.database, String(id), role)).token,

    /** Calls `GET /path` or `POST /path` with a token. */
    fetch: (token: string, route: string, body?: unknown, headers: Record<string, string> = {}) =>
      fetchApi(server.url, route, { token, body, headers }),

    async stop() {
      await server.stop();
      await context.close();
      await redis.drop();
    },
  };
}

export type ServedBilling = Awaited<ReturnType<typeof serveBilling>>;

/** Status and kind of a refusal, and where the mistakes are. */
export async function refusalOf(response: Response) {
  const { status, kind, paths } = refusal({ status: response.status, json: await response.json() });
  return { status, kind, paths };
}
