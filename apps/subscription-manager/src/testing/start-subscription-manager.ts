import { createTestDatabase, createTestRedis } from '@motience/engines/testing';
import {
  namedSubscriptionSchema,
  type Plan,
  pageSchema,
  planSchema,
  type Role,
  subscriptionSchema,
} from '@motience/protocol';
import { createLogger, serveHttp } from '@motience/service-kit';
import { createKeys, openRedis, RightsStore } from '@motience/stream-log';
import {
  type ApiAccount,
  type ApiReply,
  addAccount,
  callApi,
  jwtSecret,
} from '../../../../tests/support/api-under-test.ts';
import { readSubscriptionManagerConfig } from '../config.ts';
import { createContext } from '../context.ts';
import { createApp } from '../create-app.ts';

/** A subscription manager with a database and a corner of Redis of its own, without the work that nobody asked for. */
export async function startSubscriptionManager(environment: Record<string, string> = {}) {
  const [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  const config = readSubscriptionManagerConfig({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    REDIS_KEY_PREFIX: redis.prefix,
    JWT_SECRET: jwtSecret,
    ...environment,
  });
  const context = await createContext(config, createLogger('test', 'silent'));
  const server = await serveHttp(createApp(context), { host: '127.0.0.1', port: 0, portVariable: 'SM_PORT' });
  const ownRedis = openRedis(redis.url, { onError: () => {} });

  const api = {
    context,
    rights: new RightsStore(ownRedis, createKeys(redis.prefix)),

    url: server.url,

    /** A new account, signed in. */
    addAccount: (role: Role) => addAccount(context.database, role),

    /** Calls `POST /path` as an account. */
    call: (as: ApiAccount | undefined, route: string, body?: unknown): Promise<ApiReply> =>
      callApi(server.url, route, { token: as?.token, body }),

    subscribe: (as: ApiAccount, producer: ApiAccount, planId?: string) =>
      api.call(as, 'POST /subscribe', {
        producer_id: producer.id,
        ...(planId === undefined ? {} : { plan_id: planId }),
      }),

    /** Subscribes and expects a new subscription. */
    async subscribed(as: ApiAccount, producer: ApiAccount, planId?: string) {
      const { status, json } = await api.subscribe(as, producer, planId);
      if (status !== 201) throw new Error(`not subscribed: ${status} ${JSON.stringify(json)}`);
      return subscriptionSchema.parse(json);
    },

    async offered(as: ApiAccount, plan: unknown): Promise<Plan> {
      const { status, json } = await api.call(as, 'POST /plans', plan);
      if (status !== 201) throw new Error(`not offered: ${status} ${JSON.stringify(json)}`);
      return planSchema.parse(json);
    },

    /** The active subscriptions of a consumer. */
    async active(as: ApiAccount) {
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
