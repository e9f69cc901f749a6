import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Database, openDatabase, postgresReadiness } from '@motience/database';
import { acceptApiKeys } from '@motience/rights';
import { createMetrics, type Logger, type ReadinessCheck, type Registry } from '@motience/service-kit';
import {
  boundByMemory,
  createKeys,
  fixShardCount,
  type Keys,
  ManagerTable,
  openRedis,
  redisReadiness,
  removeFormerFunctions,
  StreamReader,
  StreamWriter,
  Subscriber,
} from '@motience/stream-log';
import { createTokenVerifier, type TokenVerifier } from '@motience/tokens';
import type { Config } from './config.ts';
import { ShardShare } from './share-shards.ts';

/** Everything the stream manager stands on; the one place that opens connections. */
export interface Context {
  config: Config;
  logger: Logger;
  database: Database;
  /** For hints that something was stored. */
  subscriber: Subscriber;
  keys: Keys;
  writer: StreamWriter;
  /** Announces this manager as soon as it is made; whoever stops the manager stops it. */
  share: ShardShare;
  streams: StreamReader;
  verifyToken: TokenVerifier;
  metrics: Registry;
  /** Whether Redis answers, all masters of it. */
  redisIsThere(): Promise<boolean>;
  readinessChecks: ReadinessCheck[];
  /** Closes Redis, then PostgreSQL. */
  close(): Promise<void>;
}

/** Opens the connections. Fails if this Redis was begun with another number of shards. */
export async function createContext(config: Config, logger: Logger): Promise<Context> {
  const onError = (err: Error) => logger.warn({ err }, 'Redis connection');
  const redis = openRedis(config.redisAddress, { onError });
  const subscriber = new Subscriber(redis, { onError });
  const database = openDatabase(config.databaseUrl);
  const keys = createKeys(config.redisKeyPrefix);
  const close = async () => {
    subscriber.close();
    redis.disconnect();
    await database.close();
  };
  let writer: StreamWriter;
  try {
    await fixShardCount(redis, keys, config.shards);
    await removeFormerFunctions(redis);
    const bounds = {
      readings: config.retainedReadings,
      bytes: config.retainedBytes,
      ageMs: config.retainedAgeMs,
      shardBytes: (await boundByMemory(redis, config.retainedTotalBytes)) / config.shards,
      persist: config.persistReadings,
    };
    writer = new StreamWriter(redis, keys, bounds, true);
    if (!config.persistReadings) {
      for (let shard = 0; shard < config.shards; shard += 1) await writer.forgetUnpersisted(shard);
    }
  } catch (error) {
    await close();
    throw error;
  }
  // One that is started again in the place of one that died goes on with its shards at once.
  const managerId = `${hostname()}:${config.port || randomUUID()}`;
  const redisCheck = redisReadiness(redis);
  const share = new ShardShare(new ManagerTable(redis, keys), managerId, config.shards, logger);
  return {
    config,
    logger,
    database,
    subscriber,
    keys,
    writer,
    share,
    streams: new StreamReader(redis, keys, config.shards),
    verifyToken: acceptApiKeys(createTokenVerifier(config), database),
    metrics: createMetrics('data-stream-manager'),
    redisIsThere: async () => (await redisCheck.check()).ok,
    readinessChecks: [postgresReadiness(database), redisCheck, shardReadiness(share)],
    close,
  };
}

/** Says what the manager takes care of; with none it is as ready as with many. */
function shardReadiness(share: ShardShare): ReadinessCheck {
  return {
    name: 'shards',
    check: async () => {
      const [{ shards }, ...others] = share.all();
      return { ok: true, note: `${shards.length} of ${share.shardCount}; other stream managers: ${others.length}` };
    },
  };
}
