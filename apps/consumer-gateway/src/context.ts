import { randomUUID } from 'node:crypto';
import { type Database, openDatabase, postgresReadiness } from '@motience/database';
import { type GatewayContext, openGatewayContext } from '@motience/gateway-kit';
import type { Logger, ReadinessCheck } from '@motience/service-kit';
import { LiveStreams, RetainedStreams, UsageReporter } from '@motience/stream-log';
import type { Config } from './config.ts';
import { History } from './history.ts';
import { PastReadings } from './past-readings.ts';

/** Everything the gateway stands on; the one place that opens connections. */
export interface Context extends GatewayContext {
  live: LiveStreams;
  past: PastReadings;
  database: Database;
  /** What is delivered on subscriptions that are metered. */
  usage: UsageReporter;
}

export async function createContext(config: Config, logger: Logger): Promise<Context> {
  const gateway = await openGatewayContext('consumer-gateway', 'subscription', config, logger);
  const { redis, subscriber, keys } = gateway;
  const database = openDatabase(config.databaseUrl);
  return {
    ...gateway,
    live: new LiveStreams(redis, subscriber, keys, config.shards),
    past: new PastReadings(new RetainedStreams(redis, keys, config.shards), new History(database.sql), config.shards),
    database,
    usage: new UsageReporter(redis, keys, randomUUID()),
    readiness: [...gateway.readiness, historyReadiness(database)],
    close: async () => {
      await gateway.close();
      await database.close();
    },
  };
}

/** Without PostgreSQL streams go on; only those who come back after long have to wait for it. */
function historyReadiness(database: Database): ReadinessCheck {
  const postgres = postgresReadiness(database);
  return {
    name: postgres.name,
    check: async () => {
      try {
        return await postgres.check();
      } catch {
        return { ok: true, note: 'not reachable: readings that Redis no longer retains cannot be resumed' };
      }
    },
  };
}
