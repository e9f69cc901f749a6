import { createTestDatabase, createTestRedis } from '@motience/engines/testing';
import { type Role, type Tokens, tokensSchema, type User, userSchema } from '@motience/protocol';
import { createLogger, serveHttp } from '@motience/service-kit';
import { createKeys, openRedis, RightsStore } from '@motience/stream-log';
import { type ApiCall, callApi, jwtSecret } from '../../../../tests/support/api-under-test.ts';
import { readAuthConfig } from '../config.ts';
import { createContext } from '../context.ts';
import { createApp } from '../create-app.ts';
import { hashPassword } from '../password-hasher.ts';
import { insertAccount } from '../services/register-account.ts';

export const password = 'pass123';

/** An auth API with a database and a corner of Redis of its own, configured by `environment`. */
export async function startAuthApi(environment: Record<string, string> = {}) {
  const [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  const config = readAuthConfig({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    REDIS_KEY_PREFIX: redis.prefix,
    JWT_SECRET: jwtSecret,
    // Tests tell their clients apart by address.
    TRUST_PROXY: '1',
    ...environment,
  });
  const logged: string[] = [];
  const logger = createLogger('auth-api', 'info', { write: (line) => void logged.push(line) });
  const context = await createContext(config, logger);
  const server = await serveHttp(createApp(context), { host: '127.0.0.1', port: 0, portVariable: 'AP_PORT' });
  const ownRedis = openRedis(redis.url, { onError: () => {} });
  let accounts = 0;

  const api = {
    url: server.url,
    context,
    databaseUrl: database.url,
    /** Every line the service logged. */
    logged,
    rights: new RightsStore(ownRedis, createKeys(redis.prefix)),
    call: (route: string, options?: ApiCall) => callApi(server.url, route, options),
    async register(role: 'producer' | 'consumer', fields: Record<string, unknown> = {}): Promise<User> {
      accounts += 1;
      const body = { username: `${role}${accounts}`, password, role, ...fields };
      return userSchema.parse((await api.call('POST /register', { body })).json);
    },
    async logIn(username: string, withPassword = password): Promise<Tokens> {
      return tokensSchema.parse((await api.call('POST /login', { body: { username, password: withPassword } })).json);
    },
    /** A new account, signed in. */
    async signUp(role: Role, fields: Record<string, unknown> = {}): Promise<Tokens> {
      if (role !== 'admin') return api.logIn((await api.register(role, fields)).username);
      const passwordHash = await hashPassword(password);
      const row = await insertAccount(context.database.db, { username: `admin${Date.now()}`, role, passwordHash });
      return api.logIn(row.username);
    },
    /** Whether a session is known to the gateways. */
    sessionIsProjected: async ({ user, access_token }: Tokens) =>
      api.rights.has({ kind: 'session', accountId: user.id, item: sessionOf(access_token) }),
    async stop() {
      await server.stop();
      await context.close();
      ownRedis.disconnect();
      await Promise.all([database.drop(), redis.drop()]);
    },
  };
  return api;
}

export type AuthApi = Awaited<ReturnType<typeof startAuthApi>>;

/** `sid` of an access token. */
export function sessionOf(accessToken: string): string {
  return String(claimsOf(accessToken).sid);
}

export function claimsOf(accessToken: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
}
