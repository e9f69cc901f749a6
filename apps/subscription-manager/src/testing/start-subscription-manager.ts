import { randomUUID } from 'node:crypto';
import { sessions, users } from '@motience/database';
import { createTestDatabase, createTestRedis } from '@motience/engines/testing';
import {
  errorBodySchema,
  namedSubscriptionSchema,
  type Plan,
  pageSchema,
  planSchema,
  type Role,
  subscriptionSchema,
} from '@motience/protocol';
import { createLogger, serveHttp } from '@motience/service-kit';
import { createKeys, openRedis, RightsStore } from '@motience/stream-log';
import { issueToken, secretSigningKey } from '@motience/tokens';
import { readSubscriptionManagerConfig } from '../config.ts';
import { createContext } from '../context.ts';
import { createApp } from '../create-app.ts';

const secret = 'a secret of the tests, long enough for anyone';

export interface Account {
  id: string;
  username: string;
  token: string;
}

export interface Reply {
  status: number;
  json: unknown;
}

/** Status, kind and the paths of the field errors of a refusal. */
export function refusal({ status, json }: Reply) {
  const { kind, message, details } = errorBodySchema.parse(json).error;
  return { status, kind, message, paths: (details ?? []).map(({ path }) => path) };
}

/** A subscription manager with a database and a corner of Redis of its own, without the work that nobody asked for. */
export async function startSubscriptionManager(environment: Record<string, string> = {}) {
  const [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  const config = readSubscriptionManagerConfig({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    REDIS_KEY_PREFIX: redis.prefix,
    JWT_SECRET: secret,
    ...environment,
  });
  const context = await createContext(config, createLogger('test', 'silent'));
  const server = await serveHttp(createApp(context), { host: '127.0.0.1', port: 0, portVariable: 'SM_PORT' });
  const ownRedis = openRedis(redis.url, { onError: () => {} });

  const api = {
    context,
    rights: new RightsStore(ownRedis, createKeys(redis.prefix)),

    /** A new account, signed in. */
    async addAccount(role: Role): Promise<Account> {
      const username = `${role}-${randomUUID().slice(0, 8)}`;
      const [row] = await context.database.db
        .insert(users)
        .values({ username, passwordHash: '-', role })
        .returning({ id: users.id });
      const id = String(row?.id);
      const sessionId = randomUUID();
      await context.database.db
        .insert(sessions)
        .values({ id: sessionId, userId: BigInt(id), expiresAt: new Date(Date.now() + 3_600_000) });
      const token = await issueToken(secretSigningKey(secret), { accountId: id, role, sessionId }, 600);
      return { id, username, token };
    },

    /** Calls `POST /path` as an account. */
    async call(as: Account | undefined, route: string, body?: unknown): Promise<Reply> {
      const [method = 'GET', path = '/'] = route.split(' ');
      const response = await fetch(server.url + path, {
        method,
        headers: {
          ...(as ? { authorization: `Bearer ${as.token}` } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
    },

    subscribe: (as: Account, producer: Account, planId?: string) =>
      api.call(as, 'POST /subscribe', {
        producer_id: producer.id,
        ...(planId === undefined ? {} : { plan_id: planId }),
      }),

    /** Subscribes and expects a new subscription. */
    async subscribed(as: Account, producer: Account, planId?: string) {
      const { status, json } = await api.subscribe(as, producer, planId);
      if (status !== 201) throw new Error(`not subscribed: ${status} ${JSON.stringify(json)}`);
      return subscriptionSchema.parse(json);
    },

    async offered(as: Account, plan: unknown): Promise<Plan> {
      const { status, json } = await api.call(as, 'POST /plans', plan);
      if (status !== 201) throw new Error(`not offered: ${status} ${JSON.stringify(json)}`);
      return planSchema.parse(json);
    },

    /** The active subscriptions of a consumer. */
    async active(as: Account) {
      const { json } = await api.call(as, `GET /subscriptions/${as.id}`);
      return pageSchema(namedSubscriptionSchema).parse(json).items;
    },

    /** As if the time of a withdrawn plan had come, or as if it had ended so many days ago. */
    async passNotice(planId: string, daysAgo = 0): Promise<void> {
      await context.database.sql.begin(async (tx) => {
        // Nothing but a superuser who leaves triggers out can do this.
        await tx`set local session_replication_role = replica`;
        await tx`
          update plans set withdrawn_at = withdrawn_at - interval '400 days',
            ends_at = now() - interval '1 hour' - ${daysAgo} * interval '1 day',
            closed_at = closed_at - ${daysAgo} * interval '1 day'
          where id = ${planId}`;
      });
    },

    async stop() {
      await server.stop();
      await context.close();
      ownRedis.disconnect();
      await Promise.all([database.drop(), redis.drop()]);
    },
  };
  return api;
}

export type SubscriptionManager = Awaited<ReturnType<typeof startSubscriptionManager>>;
