import { randomUUID } from 'node:crypto';
import { sessions } from '@motience/database';
import { createTestRedis } from '@motience/engines/testing';
import { errorBodySchema, type Role } from '@motience/protocol';
import { createLogger, serveHttp } from '@motience/service-kit';
import { issueToken, secretSigningKey } from '@motience/tokens';
import { readBillingConfig } from '../config.ts';
import { createContext } from '../context.ts';
import { createApp } from '../create-app.ts';

const secret = 'a secret of the tests, long enough for anyone';

/** The API of billing on a test's database, without the work that nobody asks it for. */
export async function serveBilling(databaseUrl: string) {
  const redis = await createTestRedis();
  const config = readBillingConfig({
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    REDIS_KEY_PREFIX: redis.prefix,
    JWT_SECRET: secret,
  });
  const context = createContext(config, createLogger('test', 'silent'));
  const server = await serveHttp(createApp(context), { host: '127.0.0.1', port: 0, portVariable: 'BILLING_PORT' });
  return {
    /** An access token of an account. */
    async signIn(id: bigint, role: Role): Promise<string> {
      const sessionId = randomUUID();
      await context.database.db
        .insert(sessions)
        .values({ id: sessionId, userId: id, expiresAt: new Date(Date.now() + 3_600_000) });
      return issueToken(secretSigningKey(secret), { accountId: String(id), role, sessionId }, 600);
    },

    /** Calls `GET /path` or `POST /path` with a token. */
    fetch(token: string, route: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
      const [method = 'GET', path = '/'] = route.split(' ');
      return fetch(server.url + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    },

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
  const { kind, details } = errorBodySchema.parse(await response.json()).error;
  return { status: response.status, kind, paths: (details ?? []).map(({ path }) => path) };
}
