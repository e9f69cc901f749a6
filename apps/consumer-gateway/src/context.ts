import { type GatewayContext, openGatewayContext } from '@motience/gateway-kit';
import type { Logger } from '@motience/service-kit';
import { LiveStreams } from '@motience/stream-log';
import type { Config } from './config.ts';

/** Everything the gateway stands on; the one place that opens connections. */
export interface Context extends GatewayContext {
  live: LiveStreams;
}

export async function createContext(config: Config, logger: Logger): Promise<Context> {
  const gateway = await openGatewayContext('consumer-gateway', 'subscription', config, logger);
  return { ...gateway, live: new LiveStreams(gateway.redis, gateway.subscriber, gateway.keys, config.shards) };
}
