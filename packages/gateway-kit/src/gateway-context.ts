import { type ConfigOf, createMetrics, type Logger, type ReadinessCheck, type Registry } from '@motience/service-kit';
import {
  createKeys,
  fixShardCount,
  type Keys,
  openRedis,
  type RedisConnection,
  RightsStore,
  redisReadiness,
  Subscriber,
} from '@motience/stream-log';
import { createTokenVerifier, type TokenVerifier, withApiKeys } from '@motience/tokens';
import { createKeyFinder } from './find-key.ts';
import type { gatewaySettings } from './gateway-settings.ts';
import { OpenAccounts } from './open-accounts.ts';
import { RightsWatch } from './watch-rights.ts';

/** What both gateways stand on. */
export interface GatewayContext {
  redis: RedisConnection;
  /** For changes to rights, and live readings. */
  subscriber: Subscriber;
  keys: Keys;
  rights: RightsStore;
  accounts: OpenAccounts;
  watch: RightsWatch;
  verifyToken: TokenVerifier;
  metrics: Registry;
  readiness: ReadinessCheck[];
  close(): Promise<void>;
}

/** Opens a gateway's connections. Fails if this Redis was begun with another number of shards. */
export async function openGatewayContext(
  name: string,
  kind: 'device' | 'subscription',
  config: ConfigOf<typeof gatewaySettings>,
  logger: Logger,
): Promise<GatewayContext> {
  const onError = (err: Error) => logger.warn({ err }, 'Redis connection');
  const redis = openRedis(config.redisAddress, { onError });
  const subscriber = new Subscriber(redis, { onError });
  const close = async () => {
    subscriber.close();
    redis.disconnect();
  };
  const keys = createKeys(config.redisKeyPrefix);
  await fixShardCount(redis, keys, config.shards).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const rights = new RightsStore(redis, keys);
  const accounts = new OpenAccounts();
  return {
    redis,
    subscriber,
    keys,
    rights,
    accounts,
    watch: new RightsWatch(kind, rights, subscriber, accounts, logger),
    verifyToken: withApiKeys(createTokenVerifier(config), createKeyFinder(rights)),
    metrics: createMetrics(name),
    readiness: [redisReadiness(redis), rightsReadiness(redis, rights)],
    close,
  };
}

/** Whether the rights in Redis are complete; until they are every socket is told `unavailable`. */
function rightsReadiness(redis: RedisConnection, rights: RightsStore): ReadinessCheck {
  return {
    name: 'rights',
    check: async () => {
      if (redis.status !== 'ready') return { ok: false, reason: 'not connected to Redis' };
      return (await rights.isComplete()) ? { ok: true } : { ok: false, reason: 'being loaded into Redis' };
    },
  };
}
